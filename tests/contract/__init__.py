"""One suite for all venues: what an adapter must do, whatever stands behind it. See `docs/add-a-venue.md`."""

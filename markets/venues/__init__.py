"""The outside world: one adapter per venue behind the protocols of `base`."""

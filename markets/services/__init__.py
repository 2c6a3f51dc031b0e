"""Everything that writes markets."""

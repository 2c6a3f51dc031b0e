"""Everything that reads markets."""

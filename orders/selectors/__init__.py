"""Everything that reads accounts, orders and holdings."""

"""Everything that writes accounts, orders and holdings."""

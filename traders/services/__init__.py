"""Everything that writes leaders, facts and what is derived from them."""

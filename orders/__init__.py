"""Trading accounts, orders, fills and holdings, and what carries orders to venues."""

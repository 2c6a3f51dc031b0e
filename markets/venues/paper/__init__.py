"""Paper trading: an adapter whose venue is tables of our own, filled from a real venue's markets and prices."""

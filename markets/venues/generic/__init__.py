"""Other exchanges, through ccxt's unified calls: plain orders, found again by their client order id."""

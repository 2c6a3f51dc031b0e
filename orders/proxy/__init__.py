"""The order proxy's rules: Binance's parameters read, checked and put into the words of the house (pure)."""

"""The order proxy's endpoints, in Binance's words."""

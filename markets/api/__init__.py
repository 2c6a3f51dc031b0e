"""Markets, candles and open interest over HTTP."""

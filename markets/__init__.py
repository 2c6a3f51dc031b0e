"""Markets and their filters, candles, prices and open interest, and the venues where all of it happens."""

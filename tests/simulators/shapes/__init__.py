"""The words of single exchanges: how their simulators write orders, trades and refusals."""

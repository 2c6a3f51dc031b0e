"""Markets and what is stored of them."""

from markets.models.market import Market

__all__ = ["Market"]

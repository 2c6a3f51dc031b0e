"""The desk's pages of accounts, orders and halts."""

from orders.admin import accounts, facts, halts, orders

__all__ = ["accounts", "facts", "halts", "orders"]

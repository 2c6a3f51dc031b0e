"""Accounts, orders, and what came of them."""

from orders.models.account import AccountState, Balance, Credential, Mode, TradingAccount
from orders.models.halt import HaltMode, HaltScope, TradingHalt
from orders.models.holding import Holding, HoldingAdjustment
from orders.models.order import Fill, Order, OrderEvent, Origin
from orders.models.recent import RecentOrder
from orders.models.reconciliation import Reconciliation

__all__ = [
    "AccountState",
    "Balance",
    "Credential",
    "Fill",
    "HaltMode",
    "HaltScope",
    "Holding",
    "HoldingAdjustment",
    "Mode",
    "Order",
    "OrderEvent",
    "Origin",
    "RecentOrder",
    "Reconciliation",
    "TradingAccount",
    "TradingHalt",
]

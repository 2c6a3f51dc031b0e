"""Copies, what leaders did, and what each copy does about it."""

from replication.models.aside import CopyAside, TradeAside
from replication.models.copy import IS_OPEN, Copy, CopyAdjustment, CopyDay, CopyFunds, CopyPosition, LeaderAccount
from replication.models.defaults import CopyDefaults
from replication.models.intent import CopyIntent
from replication.models.signal import Signal, SignalPart

__all__ = [
    "IS_OPEN",
    "Copy",
    "CopyAdjustment",
    "CopyAside",
    "CopyDay",
    "CopyDefaults",
    "CopyFunds",
    "CopyIntent",
    "CopyPosition",
    "LeaderAccount",
    "Signal",
    "SignalPart",
    "TradeAside",
]

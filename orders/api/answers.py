"""The envelopes of the answers, and examples of what is in them."""

from typing import Any, Literal

import msgspec
from drf_spectacular.utils import OpenApiExample

from orders.api.shapes import AccountInfo, BalanceInfo, ClosingOrder, HaltInfo, KeyInfo, PositionInfo, PositionSummary
from traders.api.serializers import PageMeta

NOW = "2026-02-05T00:05:00.000Z"
ACCOUNT: dict[str, Any] = {
    "id": 7,
    "name": "Main account",
    "venue": "binanceusdm",
    "venue_name": "Binance USD-M futures",
    "mode": "live",
    "state": "active",
    "state_reason": None,
    "live_enabled": False,
    "stopped": {
        "code": "LIVE_TRADING_OFF",
        "message": "Live trading is switched off, for this installation or this account.",
    },
    "hedge_mode": False,
    "max_worth": None,
    "equity": "10250.75",
    "equity_asset": "USDT",
    "synced_at": NOW,
    "sync_error": None,
    "credentials": {"hint": "…8xQ2", "can_trade": True, "checked_at": NOW},
    "created_at": "2026-01-04T10:00:00.000Z",
}
POSITION: dict[str, Any] = {
    "id": 31,
    "account_id": 7,
    "account_name": "Main account",
    "venue": "binanceusdm",
    "symbol": "BTCUSDT",
    "market_type": "usd_m",
    "side": "LONG",
    "position_side": "BOTH",
    "open": True,
    "quantity": "0.01",
    "entry_price": "86232.4",
    "price": "86590.1",
    "priced_at": NOW,
    "stale": False,
    "value": "865.901",
    "unrealized_pnl": "3.577",
    "realized_pnl": "-12.5",
    "fees": "0.69",
    "other_fees": {"BNB": "0.00042"},
    "settle_asset": "USDT",
    "leverage": "10",
    "liquidation_price": "79120.3",
    "venue_quantity": "0.01",
    "opened_at": "2026-02-04T18:11:09.120Z",
    "updated_at": "2026-02-04T18:11:09.120Z",
}
SUMMARY: dict[str, Any] = {
    "open_positions": 1,
    "assets": [
        {
            "asset": "USDT",
            "open_positions": 1,
            "unpriced": 0,
            "exposure": "865.901",
            "unrealized_pnl": "3.577",
            "realized_pnl": "-12.5",
            "fees": "0.69",
            "stale": False,
        }
    ],
    "stale": False,
}
CLOSING: dict[str, Any] = {
    "order_id": 911,
    "client_order_id": "6f9619ff8b86d011b42d00cf4fc964ff",
    "account_id": 7,
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "state": "FILLED",
    "filled_quantity": "0.01",
    "average_price": "86589.9",
    "reason": None,
    "created_at": NOW,
}
HALT: dict[str, Any] = {
    "id": 3,
    "scope": "venue",
    "venue": "binanceusdm",
    "account_id": None,
    "mode": "reduce_only",
    "reason": "Exchange maintenance",
    "created_by": "ada",
    "created_at": NOW,
    "lifted_at": None,
}
BALANCE = {"asset": "USDT", "total": "10250.75", "free": "9388.4", "updated_at": NOW}
PAGE = {"total": 1, "limit": 50, "offset": 0}


class AccountAnswer(msgspec.Struct):
    """An account."""

    success: Literal[True]
    data: AccountInfo


class AccountsAnswer(msgspec.Struct):
    """Accounts, newest first."""

    success: Literal[True]
    data: list[AccountInfo]
    meta: PageMeta


class CredentialsAnswer(msgspec.Struct):
    """What may be known of a stored key; null: there is none."""

    success: Literal[True]
    data: KeyInfo | None


class BalancesAnswer(msgspec.Struct):
    """What an account has, by asset."""

    success: Literal[True]
    data: list[BalanceInfo]


class HeldPositionsAnswer(msgspec.Struct):
    """Positions, those that moved last first."""

    success: Literal[True]
    data: list[PositionInfo]
    meta: PageMeta


class PositionSummaryAnswer(msgspec.Struct):
    """Totals over positions."""

    success: Literal[True]
    data: PositionSummary


class ClosingOrderAnswer(msgspec.Struct):
    """The order that closes a position."""

    success: Literal[True]
    data: ClosingOrder


class HaltAnswer(msgspec.Struct):
    """A halt."""

    success: Literal[True]
    data: HaltInfo


class HaltsAnswer(msgspec.Struct):
    """Halts, newest first."""

    success: Literal[True]
    data: list[HaltInfo]
    meta: PageMeta


class AccountHaltsAnswer(msgspec.Struct):
    """The halts of an account that still hold, newest first."""

    success: Literal[True]
    data: list[HaltInfo]


def shown(data: Any, *, meta: Any = None, name: str = "Answer") -> OpenApiExample:
    """Return the example of an answer."""
    body = {"success": True, "data": data} | ({} if meta is None else {"meta": meta})
    return OpenApiExample(name, body, response_only=True, status_codes=["200"])


def sent(body: Any, name: str = "Request") -> OpenApiExample:
    """Return the example of a body."""
    return OpenApiExample(name, body, request_only=True)

"""What followers are told on their private stream."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from copytrade.lib.sql import numbers, run
from copytrade.lib.wire import IsoTimes, plain_digits
from copytrade.realtime.messages import Message, private_stream
from replication.models import Copy, Signal
from replication.selectors.values import money_asset

TELL = """
    SELECT a.user_id, i.id, i.signal_id, i.copy_id, s.trader_id, s.symbol, m.symbol, i.side, s.action, i.state, i.code,
        i.message, trim_scale(i.quantity)::text, trim_scale(i.filled_quantity)::text, trim_scale(i.average_price)::text,
        trim_scale(i.slippage_percent)::text, i.detected_at, i.finished_at
    FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
    JOIN replication_copy c ON c.id = i.copy_id JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_market m ON m.id = i.market_id
    WHERE i.id = ANY(%s) ORDER BY i.id
"""


TELL_FAILING = """
    SELECT a.user_id, c.id, c.trader_id, i.id, coalesce(m.symbol, s.symbol), i.message
    FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
    JOIN replication_copy c ON c.id = i.copy_id JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_market m ON m.id = i.market_id
    WHERE i.id = ANY(%s) ORDER BY i.id
"""


class IntentRow(msgspec.Struct, frozen=True, gc=False):
    """What is told of a decision: the columns of `TELL`, numbers in the digits in which they are told."""

    user_id: int
    id: int
    signal_id: int
    copy_id: int
    trader_id: int
    leader_symbol: str
    symbol: str | None
    side: str
    action: str
    state: str
    code: str
    message: str
    quantity: str
    filled_quantity: str
    average_price: str | None
    slippage_percent: str | None
    detected_at: datetime
    finished_at: datetime | None


class Told(msgspec.Struct, frozen=True):
    """A decision that needs no order, and whom it concerns."""

    id: int
    user_id: int
    copy_id: int
    symbol: str | None
    side: str
    state: str
    code: str
    message: str


def intent_messages(intent_ids: Sequence[int]) -> list[Message]:
    """Return `trade:updated` of decisions (`trade:failed` of those that failed), in one statement."""
    if not intent_ids:
        return []
    return intents_told([IntentRow(*row) for row in run(TELL, [numbers(intent_ids)])])


def failing_messages(intent_ids: Sequence[int]) -> list[Message]:
    """Return `risk:alert` of exits that the venue does not carry out and that go on being tried, in one statement."""
    if not intent_ids:
        return []
    return [
        Message(
            "risk:alert",
            {
                "copyId": copy,
                "traderId": trader,
                "tradeId": pk,
                "symbol": symbol,
                "code": "EXIT_FAILING",
                "message": f"{symbol} could not be closed so far. {message}",
            },
            (private_stream(user),),
        )
        for user, copy, trader, pk, symbol, message in run(TELL_FAILING, [list(intent_ids)])
    ]


def decision_messages(signal: Signal, decisions: Sequence[Told]) -> list[Message]:
    """Return `trade:new` of decisions that were just made and have no order: they say why."""
    return [
        Message(
            "trade:new",
            {
                "tradeId": told.id,
                "signalId": signal.pk,
                "copyId": told.copy_id,
                "traderId": signal.trader_id,
                "leaderSymbol": signal.symbol,
                "symbol": told.symbol,
                "side": told.side,
                "action": signal.action,
                "state": told.state,
                "code": told.code or None,
                "message": told.message or None,
            },
            (private_stream(told.user_id),),
        )
        for told in decisions
    ]


def copy_messages(copies: Sequence[Copy]) -> list[Message]:
    """Return `copy:updated` of copies whose state or settings changed; their accounts and leaders are loaded."""
    return [
        Message(
            "copy:updated",
            {
                "copyId": copy.pk,
                "accountId": copy.account_id,
                "traderId": copy.trader_id,
                "leader": str(copy.trader),
                "state": copy.state,
                "reason": copy.state_reason or None,
                "allocated": None if copy.allocated is None else plain_digits(copy.allocated),
                "asset": money_asset(copy.account.venue, copy.account.equity_asset) or None,
            },
            (private_stream(copy.account.user_id),),
        )
        for copy in copies
    ]


def intents_told(rows: Iterable[IntentRow]) -> list[Message]:
    """Return `trade:updated` of decisions, `trade:failed` of those that failed."""
    times = IsoTimes()
    return [_intent_message(row, times) for row in rows]


def _intent_message(row: IntentRow, times: IsoTimes) -> Message:
    data = {
        "tradeId": row.id,
        "signalId": row.signal_id,
        "copyId": row.copy_id,
        "traderId": row.trader_id,
        "leaderSymbol": row.leader_symbol,
        "symbol": row.symbol,
        "side": row.side,
        "action": row.action,
        "state": row.state,
        "code": row.code or None,
        "message": row.message or None,
        "quantity": row.quantity,
        "filledQuantity": row.filled_quantity,
        "averagePrice": row.average_price,
        "slippagePercent": row.slippage_percent,
        "detectedAt": times[row.detected_at],
        "finishedAt": times[row.finished_at],
    }
    if row.state == "failed":
        return Message("trade:failed", data | {"error": row.message or row.code}, (private_stream(row.user_id),))
    return Message("trade:updated", data, (private_stream(row.user_id),), replaces=f"trade:{row.id}")

"""The shapes that leaders have on the wire: camelCase, JSON numbers in their own digits, UTC with milliseconds."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol

import msgspec

from copytrade.lib.wire import iso_time, iso_time_or_none, json_number
from traders.freshness import Freshness
from traders.models import LeadTrader, PositionSnapshot, Score, SymbolAggregate, TradeEvent

Number = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "number"})]
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, examples=["2026-02-05T00:05:00.000Z"])]
LeadIdText = Annotated[str, msgspec.Meta(examples=["4681698170884314113"])]
SymbolText = Annotated[str, msgspec.Meta(examples=["BTCUSDT"])]


class SymbolTotals(msgspec.Struct, rename="camel", kw_only=True):
    """How many leaders are long and short in a symbol now."""

    symbol: SymbolText
    open_long_count: int
    open_short_count: int
    total_open: int
    latest_event_at: Time | None


class FeedItem(msgspec.Struct, rename="camel", kw_only=True):
    """A fill of a leader."""

    event_type: Literal["OPEN_LONG", "CLOSE_LONG", "OPEN_SHORT", "CLOSE_SHORT", "UNKNOWN"]
    event_time_text: str
    event_time: Time
    lead_id: LeadIdText
    symbol: SymbolText
    price: Number
    amount: Number
    amount_asset: str | None
    realized_pnl: Number | None
    event_key: str


class RankedTrader(msgspec.Struct, rename="camel", kw_only=True):
    """A leader in the ranking. The figures beside the scores are those of the range that was asked for."""

    lead_id: LeadIdText
    platform: str
    nickname: str | None
    score7d: Number | None
    score30d: Number | None
    score90d: Number | None
    realized_pnl: Number
    win_rate: Number | None
    max_drawdown: Number | None
    closed_trades: int
    last_report_at: Time | None
    stale: bool


class TraderInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A leader. `stale` means that nothing was heard for a while, not that nothing happened."""

    lead_id: LeadIdText
    platform: str
    nickname: str | None
    status: Literal["candidate", "approved", "featured", "paused", "blocked"]
    score7d: Number | None
    score30d: Number | None
    score90d: Number | None
    positions_visible: bool
    last_report_at: Time | None
    positions_fetched_at: Time | None
    stale: bool
    created_at: Time
    updated_at: Time


class OpenPosition(msgspec.Struct, rename="camel", kw_only=True):
    """A position that a leader holds; `size` is signed, short ones are negative."""

    id: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
    symbol: SymbolText
    side: Literal["LONG", "SHORT"]
    contract_type: str | None
    leverage: Number | None
    size: Number
    size_asset: str | None
    entry_price: Number
    mark_price: Number | None
    margin_usdt: Number | None = msgspec.field(name="marginUSDT")
    margin_type: str | None
    pnl_usdt: Number | None = msgspec.field(name="pnlUSDT")
    roe_pct: Number | None
    fetched_at: Time


class PositionChange(OpenPosition, rename="camel", kw_only=True):
    """A position as it was when it opened, changed or closed; a closed one has size 0."""

    change: Literal["opened", "updated", "closed"]


class PositionFigures(Protocol):
    """What stored positions, snapshots and planned positions have in common."""

    symbol: Any
    side: Any
    contract_type: Any
    leverage: Any
    size: Any
    size_asset: Any
    entry_price: Any
    mark_price: Any
    margin_usdt: Any
    margin_type: Any
    pnl_usdt: Any
    roe_pct: Any


def symbol_totals(total: SymbolAggregate) -> SymbolTotals:
    """Return the shape of a symbol's totals."""
    return SymbolTotals(
        symbol=total.symbol,
        open_long_count=total.open_long_count,
        open_short_count=total.open_short_count,
        total_open=total.open_long_count + total.open_short_count,
        latest_event_at=iso_time_or_none(total.latest_event_at),
    )


def feed_item(event: TradeEvent, lead_id: str) -> FeedItem:
    """Return the shape of a fill."""
    return FeedItem(
        event_type=event.kind,  # type: ignore[arg-type]  # one of EventKind's values
        event_time_text=event.event_time_text,
        event_time=iso_time(event.event_time),
        lead_id=lead_id,
        symbol=event.symbol,
        price=_number(event.price),
        amount=_number(event.amount),
        amount_asset=event.amount_asset or None,
        realized_pnl=json_number(event.realized_pnl),
        event_key=event.event_key,
    )


def ranked_trader(score: Score, scores: Mapping[int, Decimal], freshness: Freshness) -> RankedTrader:
    """Return the shape of a leader in the ranking of `score`'s window; `scores` are those of all windows."""
    leader = score.trader
    return RankedTrader(
        lead_id=leader.external_id,
        platform=leader.platform,
        nickname=leader.nickname or None,
        **score_fields(scores),
        realized_pnl=_number(score.realized_pnl),
        win_rate=json_number(score.win_rate),
        max_drawdown=json_number(score.max_drawdown),
        closed_trades=score.closed_trades,
        last_report_at=iso_time_or_none(freshness.reported_at),
        stale=freshness.stale,
    )


def trader_info(leader: LeadTrader, freshness: Freshness) -> TraderInfo:
    """Return the shape of a leader."""
    received = [source.received_at for source in leader.sources.all()]
    return TraderInfo(
        lead_id=leader.external_id,
        platform=leader.platform,
        nickname=leader.nickname or None,
        status=leader.status,  # type: ignore[arg-type]  # one of LeaderStatus' values
        **score_fields({score.window: score.score for score in leader.scores.all()}),
        positions_visible=leader.positions_visible,
        last_report_at=iso_time_or_none(freshness.reported_at),
        positions_fetched_at=iso_time_or_none(freshness.positions_at),
        stale=freshness.stale,
        created_at=iso_time(leader.created_at),
        updated_at=iso_time(max([leader.updated_at, *received])),
    )


def score_fields(scores: Mapping[int, Decimal]) -> dict[str, msgspec.Raw | None]:
    """Return `score7d`, `score30d` and `score90d`, null where a window has no score yet."""
    return {f"score{window}d": json_number(scores.get(window)) for window in (7, 30, 90)}


def position_fields(position: PositionFigures) -> dict[str, Any]:
    """Return the figures of a position, ready for a shape."""
    return {
        "symbol": position.symbol,
        "side": position.side,
        "contract_type": position.contract_type or None,
        "leverage": json_number(position.leverage),
        "size": _number(position.size),
        "size_asset": position.size_asset or None,
        "entry_price": _number(position.entry_price),
        "mark_price": json_number(position.mark_price),
        "margin_usdt": json_number(position.margin_usdt),
        "margin_type": position.margin_type or None,
        "pnl_usdt": json_number(position.pnl_usdt),
        "roe_pct": json_number(position.roe_pct),
    }


def position_change(snapshot: PositionSnapshot) -> PositionChange:
    """Return the shape of a snapshot."""
    return PositionChange(
        id=str(snapshot.position_id),
        **position_fields(snapshot),
        fetched_at=iso_time(snapshot.fetched_at),
        change=snapshot.change,  # type: ignore[arg-type]  # one of SnapshotChange's values
    )


def _number(value: Decimal) -> msgspec.Raw:
    number = json_number(value)
    assert number is not None
    return number

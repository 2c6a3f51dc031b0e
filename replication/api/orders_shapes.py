"""Orders as they stand on the wire, with how they came about and what came of them."""

from typing import Annotated, Any, Literal

import msgspec

from orders.api.shapes import Amount, KindWord, OrderStateWord, Slug, Symbol, Time
from replication.vocabulary import IntentState, SignalSource
from traders.api.serializers import CursorMeta

StatusWord = Literal["PENDING", "SUBMITTED", "PARTIAL", "EXECUTED", "CANCELLED", "FAILED"]
OrderTypeWord = Literal[
    "MARKET",
    "LIMIT",
    "STOP_MARKET",
    "STOP_LIMIT",
    "TAKE_PROFIT_MARKET",
    "TAKE_PROFIT_LIMIT",
    "TRAILING_STOP_MARKET",
]
SideWord = Literal["BUY", "SELL"]
PositionSideWord = Literal["BOTH", "LONG", "SHORT"]
DecisionWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [state.value for state in IntentState]})]
SourceWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [source.value for source in SignalSource]})]
Milliseconds = Annotated[float, msgspec.Meta(examples=[95.3])]


class LatencyFigures(msgspec.Struct, kw_only=True):
    """From when the leader's trade was known here to the venue's first answer, over `count` decisions of copies.

    Those that were tried again, or waited for more than 5 seconds, are left out.
    """

    count: int
    average_ms: Milliseconds | None
    p50_ms: Milliseconds | None
    p95_ms: Milliseconds | None
    p99_ms: Milliseconds | None


class ReplicationFigures(msgspec.Struct, kw_only=True):
    """What became of a master's trades at those who copy: decisions by outcome.

    `success_rate` is the part of `filled`, `partial` and `failed` that did not fail, in percent. What was `skipped`
    obeyed a follower's own settings; the codes are those of `decision.code`.
    """

    total: int
    filled: int
    partial: int
    skipped: int
    failed: int
    pending: int
    skipped_by_code: dict[str, int]
    failed_by_code: dict[str, int]
    success_rate: Amount | None
    latency: LatencyFigures


class TradedOrder(msgspec.Struct, kw_only=True):
    """An order. `state` is what its venue says of it, `status` the same in fewer words.

    `quantity` is in the venue's unit, `price` the order's own (null on MARKET orders). `is_master_order` says that it
    is copied by those who follow; on a copy, `master_order_id` is the leader's order, where the leader trades here,
    and `replication_latency_ms` the time from knowing of the leader's trade to the venue's answer.
    """

    id: int
    user_id: int
    account_id: int
    venue: Slug
    symbol: Symbol
    market_type: KindWord
    side: SideWord
    position_side: PositionSideWord
    order_type: OrderTypeWord
    time_in_force: str | None
    quantity: Amount | None
    price: Amount | None
    stop_price: Amount | None
    reduce_only: bool
    status: StatusWord
    state: OrderStateWord
    executed_quantity: Amount
    filled_quantity: Amount
    average_price: Amount | None
    origin: Literal["proxy", "master", "copy", "manual", "protect"]
    is_master_order: bool
    master_id: int | None
    master_order_id: int | None
    replication_latency_ms: Milliseconds | None
    client_order_id: str
    broker_order_id: str | None
    error_code: str | None
    error_message: str | None
    created_at: Time
    updated_at: Time
    executed_at: Time | None


class OrderStep(msgspec.Struct, kw_only=True):
    """One step in the life of an order; `source` brought it."""

    from_state: str | None
    to_state: OrderStateWord
    source: Annotated[str, msgspec.Meta(examples=["user", "reply", "stream"])]
    code: str | None
    message: str | None
    filled_quantity: Amount
    at: Time


class OrderFill(msgspec.Struct, kw_only=True):
    """One trade of an order."""

    trade_id: str
    side: SideWord
    price: Amount
    quantity: Amount
    fee: Amount
    fee_asset: str | None
    is_maker: bool
    time: Time


class LeaderTradePart(msgspec.Struct, kw_only=True):
    """One trade of the leader: seen at the platform (`event`), or made here (`fill`)."""

    source: Literal["event", "fill"]
    kind: Annotated[str, msgspec.Meta(examples=["BUY", "OPEN_LONG"])]
    price: Amount
    quantity: Amount
    time: Time


class LeaderSignal(msgspec.Struct, kw_only=True):
    """What the leader's trades came to: a change of one position. `fraction` is how much of it an exit closed."""

    id: int
    source: SourceWord
    action: Literal["OPEN", "INCREASE", "REDUCE", "CLOSE"]
    venue: str | None
    symbol: Symbol
    side: Literal["LONG", "SHORT"]
    quantity: Amount
    price: Amount | None
    fraction: Amount | None
    event_time: Time
    detected_at: Time
    trades: list[LeaderTradePart]


class HopLatencies(msgspec.Struct, kw_only=True):
    """Milliseconds from the leader's trade to knowing of it, then to each next step; `total` is without the first."""

    detected: Milliseconds | None
    planned: Milliseconds | None
    sent: Milliseconds | None
    acknowledged: Milliseconds | None
    filled: Milliseconds | None
    total: Milliseconds | None


class CopyDecision(msgspec.Struct, kw_only=True):
    """What a copy decided about the leader's trade. `numbers` are those behind `code`; `capped` lists each cut.

    Money (`worth`, prices, and the limits that cut by worth) is in `asset`, the quote asset of the copy's market.
    """

    id: int
    copy_id: int
    master_id: int
    master: str
    state: DecisionWord
    code: str | None
    message: str | None
    numbers: dict[str, Any]
    capped: list[dict[str, Any]]
    wanted_quantity: Amount | None
    quantity: Amount
    worth: Amount
    asset: Annotated[str, msgspec.Meta(examples=["INR"])] | None
    filled_quantity: Amount
    average_price: Amount | None
    slippage_percent: Amount | None
    attempts: int
    detected_at: Time
    planned_at: Time
    sent_at: Time | None
    acknowledged_at: Time | None
    filled_at: Time | None
    finished_at: Time | None
    latency_ms: HopLatencies


class OrderStory(TradedOrder, kw_only=True):
    """An order with its whole chain: the leader's trades, the decision, each step, each fill, and who copied it.

    `signal` and `decision` are null unless it is a copy, `replication` unless it is a master's.
    """

    signal: LeaderSignal | None
    decision: CopyDecision | None
    events: list[OrderStep]
    fills: list[OrderFill]
    replication: ReplicationFigures | None


class OrderMeta(msgspec.Struct):
    """`repeated`: an earlier request with this key placed it, and nothing was placed now."""

    repeated: bool


class PlacedOrderAnswer(msgspec.Struct):
    """An order that was placed."""

    success: Literal[True]
    data: TradedOrder
    meta: OrderMeta


class TradedOrderAnswer(msgspec.Struct):
    """An order as it is now."""

    success: Literal[True]
    data: TradedOrder


class TradedOrdersAnswer(msgspec.Struct):
    """Orders, newest first."""

    success: Literal[True]
    data: list[TradedOrder]
    meta: CursorMeta


class OrderStoryAnswer(msgspec.Struct):
    """An order with its whole chain."""

    success: Literal[True]
    data: OrderStory

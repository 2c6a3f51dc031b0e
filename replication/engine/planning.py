"""Turning signals into decisions and orders: a chunk of copies in one transaction, however many there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import insert_rows, json_rows, run
from copytrade.realtime.services import messages_publish
from markets.models import Market
from markets.prices import is_stale, price_for, prices_of
from markets.services.watch import price_watch_want
from markets.venues.registry import capabilities, venues
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce
from orders.models import Origin, TradingHalt
from orders.services.writing import NewOrder, orders_write_many
from replication.engine.blocks import Block, block_of, leader_block
from replication.engine.instruments import Instrument, plain_base
from replication.engine.loading import Follower, Question, followers_load, opposite, usual_leverage
from replication.engine.mapping import markets_for
from replication.facts import Decision, FollowerMarket, LeaderTrade
from replication.models import CopyIntent, Signal
from replication.planner import plan
from replication.services.messages import Told, decision_messages
from replication.vocabulary import EXITS, Action, IntentState, PositionWord, SignalSource, SignalState

FIRST_CHUNK, CHUNK = 100, 1_000
SEND_ENTRIES_WITHIN = timedelta(seconds=60)
SEND_EXITS_WITHIN = timedelta(hours=12)
ENTRY_ATTEMPTS, EXIT_ATTEMPTS = 5, 1_000
NAMESPACE = UUID("5f0c2b6e-5d55-4a0b-9b6a-6c1f6d0f3c11")

CLAIM = """
    SELECT id FROM replication_signal s WHERE state = 'pending' AND NOT EXISTS (
        SELECT FROM replication_signal o WHERE o.state = 'pending' AND o.trader_id = s.trader_id AND o.id < s.id)
    ORDER BY action IN ('OPEN', 'INCREASE'), id FOR UPDATE SKIP LOCKED LIMIT 1
"""
INTENT_COLUMNS = {
    "signal_id": "bigint",
    "copy_id": "bigint",
    "market_id": "bigint",
    "side": "text",
    "exits": "boolean",
    "state": "text",
    "code": "text",
    "message": "text",
    "numbers": "jsonb",
    "capped": "jsonb",
    "wanted_quantity": "numeric",
    "quantity": "numeric",
    "worth": "numeric",
    "filled_quantity": "numeric",
    "attempts": "smallint",
    "detected_at": "timestamptz",
    "planned_at": "timestamptz",
    "finished_at": "timestamptz",
    "updated_at": "timestamptz",
}
REPLAN = """
    UPDATE replication_copyintent AS old SET market_id = new.market_id, side = new.side, state = new.state,
        code = new.code, message = new.message, numbers = new.numbers, capped = new.capped,
        wanted_quantity = new.wanted_quantity, quantity = old.filled_quantity + new.quantity, worth = new.worth,
        planned_at = new.planned_at,
        finished_at = new.finished_at, updated_at = new.updated_at
    FROM json_to_recordset(%s) AS new(signal_id bigint, copy_id bigint, market_id bigint, side text, state text,
        code text, message text, numbers jsonb, capped jsonb, wanted_quantity numeric, quantity numeric, worth numeric,
        planned_at timestamptz, finished_at timestamptz, updated_at timestamptz)
    WHERE (old.signal_id, old.copy_id) = (new.signal_id, new.copy_id)
    RETURNING old.id, old.copy_id
"""
UPSERT_POSITIONS = """
    INSERT INTO replication_copyposition AS p (copy_id, market_id, side, leader_symbol, leader_side, quantity, cost,
        realized_pnl, fees, other_fees, remainder, leader_opened_at, updated_at)
    SELECT copy_id, market_id, side, leader_symbol, leader_side, 0, 0, 0, 0, '{}', remainder, leader_opened_at,
        updated_at
    FROM json_to_recordset(%s) AS new(copy_id bigint, market_id bigint, side text, leader_symbol text,
        leader_side text, remainder numeric, leader_opened_at timestamptz, updated_at timestamptz)
    ORDER BY copy_id, market_id, side
    ON CONFLICT (copy_id, market_id, side) DO UPDATE SET remainder = excluded.remainder,
        leader_symbol = excluded.leader_symbol, leader_side = excluded.leader_side,
        leader_opened_at = CASE WHEN p.quantity = 0 THEN coalesce(excluded.leader_opened_at, p.leader_opened_at)
            ELSE p.leader_opened_at END, updated_at = excluded.updated_at
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a chunk wrote: the orders by venue, and how many copies were decided about."""

    orders: Mapping[str, Sequence[int]]
    copies: int
    more: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """What all copies of a chunk share."""

    signal: Signal
    trades: Mapping[int, LeaderTrade]
    trade: LeaderTrade
    markets: Mapping[int, Market]
    prices: Mapping[int, Decimal]
    block: Callable[[Follower], Block | None]
    leader_block: Block | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """A follower, in which market, and what was decided."""

    follower: Follower
    market: Market | None
    decision: Decision


def signal_plan_chunk() -> Planned | None:
    """Plan some of the copies of the oldest signal that waits; None where no signal does.

    One transaction: either the decisions, their orders and the mark of how far it is are there, or nothing. Another
    worker's signal is left to it.
    """
    with transaction.atomic():
        claimed = run(CLAIM)
        if not claimed:
            return None
        signal = Signal.objects.select_related("trader", "order__market").get(pk=claimed[0][0])
        limit = CHUNK if signal.planned_copy_id else FIRST_CHUNK
        only = None if signal.copy_id is None else [signal.copy_id]
        decided = _decide(signal, Question(signal.planned_copy_id, limit, only))
        orders = _store(signal, decided, insert=True)
        more = len(decided) == limit
        _advance(signal, decided, more=more)
        messages_publish(decision_messages(signal, [_told(each) for each in decided if not each.decision.orders]))
    return Planned(orders, len(decided), more)


def intents_replan(*, signal: Signal, copy_ids: Sequence[int]) -> Planned:
    """Decide anew about copies that wait at a signal (or are tried again by a person); needs a transaction."""
    decided = _decide(signal, Question(only=sorted(copy_ids)))
    return Planned(_store(signal, decided, insert=False), len(decided), more=False)


def _told(each: Decided) -> Told:
    decision, follower = each.decision, each.follower
    return Told(follower.user_id, follower.copy_id, decision.state, decision.code or "", decision.message)


def _decide(signal: Signal, question: Question) -> list[Decided]:
    now = timezone.now()
    instrument = Instrument(signal.symbol, signal.base_asset, signal.quote_asset)
    mapped = markets_for(instrument, venues())
    followers = followers_load(signal, question, {venue: row.pk for venue, row in mapped.items()}, now=now)
    scene = _scene(signal, followers, {row.pk: row for row in mapped.values()}, now)
    shared: dict[tuple[Any, ...], FollowerMarket] = {}
    return [_decide_one(scene, follower, shared) for follower in followers]


def _scene(signal: Signal, followers: Sequence[Follower], known: dict[int, Market], now: datetime) -> Scene:
    needed = {follower.market_id for follower in followers if follower.market_id is not None}
    markets = {pk: known[pk] for pk in needed & known.keys()}
    if missing := needed - known.keys():
        markets |= Market.objects.in_bulk(missing)
    reports = prices_of(markets.values()) if markets else {}
    price_watch_want(markets)
    prices = {pk: price_for(report, "last") for pk, report in reports.items() if not is_stale(report, now)}
    trade = trade_of(signal)
    halts = list(TradingHalt.objects.filter(lifted_at=None))
    return Scene(
        signal,
        {pk: _scaled(trade, signal, market) for pk, market in markets.items()},
        trade,
        markets,
        {pk: price for pk, price in prices.items() if price is not None},
        lambda follower: block_of(follower, halts, live_trading=settings.LIVE_TRADING),
        leader_block(signal.trader.status),
        now,
    )


def trade_of(signal: Signal) -> LeaderTrade:
    """Return what the planner is told of a signal."""
    return LeaderTrade(
        action=Action(signal.action),
        symbol=signal.symbol,
        side=PositionWord(signal.side),
        quantity=signal.quantity,
        price=signal.price,
        event_time=signal.event_time,
        fraction=signal.fraction,
        equity=signal.leader_equity,
        leverage=signal.leverage,
        order_share=_order_share(signal),
    )


def _order_share(signal: Signal) -> Decimal:
    """Return which part of the leader's order a signal is: fixed amounts are meant for whole orders."""
    order = signal.order
    if order is None or not order.quantity:
        return Decimal(1)
    market = order.market
    price = signal.price if market.kind == MarketKind.COIN_M and signal.price else Decimal(1)
    share: Decimal = signal.quantity * price / (order.quantity * market.contract_size)
    return min(share, Decimal(1))


def _scaled(trade: LeaderTrade, signal: Signal, market: Market) -> LeaderTrade:
    """Return the trade in the coins of a market, where one of both counts them by the thousand."""
    scale = Decimal(plain_base(signal.base_asset)[1]) / plain_base(market.base_asset)[1]
    if scale == 1:
        return trade
    return replace(trade, quantity=trade.quantity * scale, price=trade.price and trade.price / scale)


def _decide_one(scene: Scene, follower: Follower, shared: dict[tuple[Any, ...], FollowerMarket]) -> Decided:
    market = scene.markets.get(follower.market_id) if follower.market_id else None
    block, exits = scene.block(follower), scene.trade.action in EXITS
    if exits and block is not None and block.stops_exits and follower.state.held:
        waiting = Decision(state=IntentState.WAITING, exits=True, side=_side(scene, follower), code=block.code)
        return Decided(follower, market, replace(waiting, message=block.message, remainder=follower.state.remainder))
    state = follower.state
    block = block or scene.leader_block
    if block is not None:
        state = replace(
            state, blocked=block.code, blocked_message=block.message, blocks_exits=block.stops_exits and exits
        )
    trade = scene.trade if market is None else scene.trades[market.pk]
    where = None if market is None else _market(scene, market, follower, shared)
    terms = follower.terms
    if scene.signal.source == SignalSource.CATCH_UP:
        terms = replace(terms, started_at=min(terms.started_at, trade.event_time))
    return Decided(follower, market, plan(trade, terms, where, state, scene.now))


def _market(
    scene: Scene, market: Market, follower: Follower, shared: dict[tuple[Any, ...], FollowerMarket]
) -> FollowerMarket:
    key = (market.pk, follower.live, follower.hedge_mode, follower.leverage)
    if key not in shared:
        kind, able = MarketKind(market.kind), capabilities(market.venue, paper=not follower.live)
        shared[key] = FollowerMarket(
            symbol=market.symbol,
            kind=kind,
            filters=market.filters,
            contract_size=market.contract_size,
            trading=market.trading,
            price=scene.prices.get(market.pk),
            reduce_only=able.reduce_only and kind != MarketKind.SPOT,
            limit_ioc=OrderType.LIMIT in able.order_types and TimeInForce.IOC in able.times_in_force,
            hedge_mode=follower.hedge_mode and kind != MarketKind.SPOT,
            leverage=Decimal(1) if kind == MarketKind.SPOT else follower.leverage or usual_leverage(kind),
        )
    return shared[key]


def _side(scene: Scene, follower: Follower) -> PositionWord:
    side = scene.trade.side
    return opposite(side) if follower.terms.inverted else side


def _advance(signal: Signal, decided: Sequence[Decided], *, more: bool) -> None:
    signal.intents_count += len(decided)
    if decided:
        signal.planned_copy_id = decided[-1].follower.copy_id
    if not more:
        signal.state, signal.planned_at = SignalState.PLANNED, timezone.now()
    signal.save(update_fields=["intents_count", "planned_copy_id", "state", "planned_at"])


def _store(signal: Signal, decided: Sequence[Decided], *, insert: bool) -> dict[str, list[int]]:
    """Store decisions, positions and orders; return the ids of the orders by venue."""
    if not decided:
        return {}
    now = timezone.now()
    rows = [_intent_row(signal, each, now) for each in decided]
    if insert:
        ids = insert_rows("replication_copyintent", INTENT_COLUMNS, rows, unless_there=True, returning="id, copy_id")
    else:
        ids = run(REPLAN, [json_rows(rows)])
    intents = {copy_id: pk for pk, copy_id in ids}
    stored = [each for each in decided if each.follower.copy_id in intents]
    _store_positions(signal, stored, now)
    return _write_orders(signal, stored, intents, now)


def _intent_row(signal: Signal, each: Decided, now: datetime) -> dict[str, Any]:
    decision = each.decision
    final = decision.state == IntentState.SKIPPED
    return {
        "signal_id": signal.pk,
        "copy_id": each.follower.copy_id,
        "market_id": each.market.pk if each.market else None,
        "side": decision.side,
        "exits": decision.exits,
        "state": decision.state,
        "code": decision.code or "",
        "message": decision.message,
        "numbers": decision.numbers,
        "capped": [
            {"code": cap.code, "from": cap.before, "to": cap.after, "limit": cap.limit} for cap in decision.caps
        ],
        "wanted_quantity": decision.wanted,
        "quantity": decision.quantity,
        "worth": decision.worth,
        "filled_quantity": 0,
        "attempts": 1,
        "detected_at": signal.detected_at,
        "planned_at": now,
        "finished_at": now if final else None,
        "updated_at": now,
    }


def _store_positions(signal: Signal, stored: Sequence[Decided], now: datetime) -> None:
    rows = [
        {
            "copy_id": each.follower.copy_id,
            "market_id": each.market.pk,
            "side": each.decision.side,
            "leader_symbol": signal.symbol,
            "leader_side": signal.side,
            "remainder": each.decision.remainder,
            "leader_opened_at": None if each.decision.exits else signal.event_time,
            "updated_at": now,
        }
        for each in stored
        if each.market is not None
        and (each.decision.orders or each.decision.remainder != each.follower.state.remainder)
    ]
    if rows:
        run(UPSERT_POSITIONS, [json_rows(rows)])


def _write_orders(
    signal: Signal, stored: Sequence[Decided], intents: Mapping[int, int], now: datetime
) -> dict[str, list[int]]:
    attempts = _attempts(intents) if any(each.decision.orders for each in stored) else {}
    rows, venue_of = [], []
    for each in stored:
        intent_id = intents[each.follower.copy_id]
        for number, order in enumerate(each.decision.orders):
            rows.append(_order(signal, each, order, intent_id, attempts.get(intent_id, 1), number, now))
            venue_of.append(each.follower.venue)
    written: dict[str, list[int]] = {}
    for venue, order_id in zip(venue_of, orders_write_many(rows), strict=True):
        if order_id is not None:
            written.setdefault(venue, []).append(order_id)
    return written


def _attempts(intents: Mapping[int, int]) -> dict[int, int]:
    """Return the attempts of the intents that were tried before."""
    rows = CopyIntent.objects.filter(pk__in=list(intents.values()), attempts__gt=1)
    return dict(rows.values_list("pk", "attempts"))


def order_key(signal_id: int, copy_id: int, attempt: int, number: int) -> UUID:
    """Return the key of an order, which its client order id is made of: the same for the same decision, always."""
    return uuid5(NAMESPACE, f"{signal_id}:{copy_id}:{attempt}:{number}")


def _order(
    signal: Signal, each: Decided, order: Any, intent_id: int, attempt: int, number: int, now: datetime
) -> NewOrder:
    exits, market = each.decision.exits, each.market
    assert market is not None, "an order has a market"
    return NewOrder(
        key=order_key(signal.pk, each.follower.copy_id, attempt, number),
        account_id=each.follower.account_id,
        market_id=market.pk,
        origin=Origin.COPY,
        cause_id=intent_id,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        time_in_force=order.time_in_force or "",
        position_side=order.position_side,
        reduce_only=order.reduce_only,
        attempts_allowed=EXIT_ATTEMPTS if exits else ENTRY_ATTEMPTS,
        send_within=SEND_EXITS_WITHIN if exits else SEND_ENTRIES_WITHIN,
    )

"""Orders and their chains into the shapes in which they stand on the wire."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from copytrade.lib.wire import iso_time, iso_time_or_none, plain_digits
from orders.api.shapes import amount_or_none
from orders.models import Fill, Order, OrderEvent
from replication.api.orders_shapes import (
    CopyDecision,
    HopLatencies,
    LatencyFigures,
    LeaderSignal,
    LeaderTradePart,
    OrderFill,
    OrderStep,
    OrderStory,
    ReplicationFigures,
    TradedOrder,
)
from replication.models import CopyIntent, Signal
from replication.selectors.orders import LeaderFact, OrderChain, OrderView, milliseconds
from replication.selectors.statistics import Latency, Replication, order_status


def traded_order(view: OrderView) -> TradedOrder:
    """Return the shape of an order."""
    return TradedOrder(**_order_fields(view))


def order_story(chain: OrderChain) -> OrderStory:
    """Return the shape of an order with its chain."""
    intent = chain.intent
    return OrderStory(
        **_order_fields(chain.view),
        signal=None if intent is None else leader_signal(intent.signal, chain.facts),
        decision=None if intent is None else copy_decision(intent),
        events=[order_step(event) for event in chain.events],
        fills=[order_fill(fill) for fill in chain.fills],
        replication=None if chain.replication is None else replication_figures(chain.replication),
    )


def replication_figures(replication: Replication) -> ReplicationFigures:
    """Return the shape of what became of a master's trades."""
    outcomes = replication.outcomes
    return ReplicationFigures(
        total=outcomes.total,
        filled=outcomes.filled,
        partial=outcomes.partial,
        skipped=outcomes.skipped,
        failed=outcomes.failed,
        pending=outcomes.pending,
        skipped_by_code=outcomes.skipped_by_code,
        failed_by_code=outcomes.failed_by_code,
        success_rate=amount_or_none(outcomes.success_percent),
        latency=latency_figures(replication.latency),
    )


def latency_figures(latency: Latency) -> LatencyFigures:
    """Return the shape of latencies."""
    return LatencyFigures(
        count=latency.count,
        average_ms=latency.average,
        p50_ms=latency.p50,
        p95_ms=latency.p95,
        p99_ms=latency.p99,
    )


def _order_fields(view: OrderView) -> dict[str, Any]:
    order, cause = view.order, view.cause
    return {
        "id": order.pk,
        "user_id": order.account.user_id,
        "account_id": order.account_id,
        "venue": order.account.venue,
        "symbol": order.market.symbol,
        "market_type": order.market.kind,
        "side": order.side,
        "position_side": order.position_side,
        "order_type": order.type,
        "time_in_force": order.time_in_force or None,
        "quantity": amount_or_none(order.quantity),
        "price": amount_or_none(order.price),
        "stop_price": amount_or_none(order.stop_price),
        "reduce_only": order.reduce_only,
        "status": order_status(order.state, filled=order.filled_quantity > 0),
        "state": order.state,
        "executed_quantity": plain_digits(order.filled_quantity),
        "filled_quantity": plain_digits(order.filled_quantity),
        "average_price": amount_or_none(order.average_price),
        "origin": order.origin,
        "is_master_order": view.is_master,
        "master_id": cause.master_id if cause else None,
        "master_order_id": cause.master_order_id if cause else None,
        "replication_latency_ms": view.latency,
        "client_order_id": order.client_order_id,
        "broker_order_id": order.venue_order_id or None,
        "error_code": order.reason_code or None,
        "error_message": order.reason or None,
        "created_at": iso_time(order.created_at),
        "updated_at": iso_time(order.updated_at),
        "executed_at": _executed_at(order),
    }


def _executed_at(order: Order) -> str | None:
    return iso_time_or_none(order.finished_at) if order.filled_quantity else None


def order_step(event: OrderEvent) -> OrderStep:
    """Return the shape of one step of an order."""
    return OrderStep(
        from_state=event.from_state or None,
        to_state=event.to_state,  # type: ignore[arg-type]  # one of OrderState's values
        source=event.source,
        code=event.code or None,
        message=event.message or None,
        filled_quantity=plain_digits(event.filled_quantity),
        at=iso_time(event.at),
    )


def order_fill(fill: Fill) -> OrderFill:
    """Return the shape of one trade of an order."""
    return OrderFill(
        trade_id=fill.venue_trade_id,
        side=fill.side,  # type: ignore[arg-type]  # one of Side's values
        price=plain_digits(fill.price),
        quantity=plain_digits(fill.quantity),
        fee=plain_digits(fill.fee),
        fee_asset=fill.fee_asset or None,
        is_maker=fill.is_maker,
        time=iso_time(fill.time),
    )


def leader_signal(signal: Signal, facts: Sequence[LeaderFact]) -> LeaderSignal:
    """Return the shape of what a leader did, with the trades that it is made of."""
    return LeaderSignal(
        id=signal.pk,
        source=signal.source,
        action=signal.action,  # type: ignore[arg-type]  # one of Action's values
        venue=signal.venue or None,
        symbol=signal.symbol,
        side=signal.side,  # type: ignore[arg-type]  # one of PositionWord's values
        quantity=plain_digits(signal.quantity),
        price=amount_or_none(signal.price),
        fraction=amount_or_none(signal.fraction),
        event_time=iso_time(signal.event_time),
        detected_at=iso_time(signal.detected_at),
        trades=[_part(fact) for fact in facts],
    )


def _part(fact: LeaderFact) -> LeaderTradePart:
    return LeaderTradePart(
        source=fact.source,  # type: ignore[arg-type]  # event or fill
        kind=fact.kind,
        price=plain_digits(fact.price),
        quantity=plain_digits(fact.quantity),
        time=iso_time(fact.time),
    )


def copy_decision(intent: CopyIntent) -> CopyDecision:
    """Return the shape of what a copy decided."""
    return CopyDecision(
        id=intent.pk,
        copy_id=intent.copy_id,
        master_id=intent.copy.trader_id,
        master=str(intent.copy.trader),
        state=intent.state,
        code=intent.code or None,
        message=intent.message or None,
        numbers=dict(intent.numbers),
        capped=list(intent.capped),
        wanted_quantity=amount_or_none(intent.wanted_quantity),
        quantity=plain_digits(intent.quantity),
        worth=plain_digits(intent.worth),
        asset=intent.market.quote_asset if intent.market else None,
        filled_quantity=plain_digits(intent.filled_quantity),
        average_price=amount_or_none(intent.average_price),
        slippage_percent=amount_or_none(intent.slippage_percent),
        attempts=intent.attempts,
        detected_at=iso_time(intent.detected_at),
        planned_at=iso_time(intent.planned_at),
        sent_at=iso_time_or_none(intent.sent_at),
        acknowledged_at=iso_time_or_none(intent.acknowledged_at),
        filled_at=iso_time_or_none(intent.filled_at),
        finished_at=iso_time_or_none(intent.finished_at),
        latency_ms=_hops(intent),
    )


def _hops(intent: CopyIntent) -> HopLatencies:
    moments = [
        intent.signal.event_time,
        intent.detected_at,
        intent.planned_at,
        intent.sent_at,
        intent.acknowledged_at,
        intent.filled_at,
    ]
    hops = [None if start is None or end is None else milliseconds(start, end) for start, end in pairwise(moments)]
    end = intent.acknowledged_at
    total = None if end is None else milliseconds(intent.detected_at, end)
    return HopLatencies(
        detected=hops[0], planned=hops[1], sent=hops[2], acknowledged=hops[3], filled=hops[4], total=total
    )

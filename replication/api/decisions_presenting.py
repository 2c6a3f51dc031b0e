"""Decisions and their chains into the shapes in which they stand on the wire."""

from typing import Any

from copytrade.lib.wire import iso_time
from orders.api.shapes import amount_or_none
from replication.api.decisions_shapes import DecisionInfo, DecisionOrder, DecisionStory
from replication.api.orders_presenting import copy_decision, leader_signal, order_fill, order_step, traded_order
from replication.models import CopyIntent
from replication.selectors.decisions import DecisionChain, OrderParts


def decision_info(intent: CopyIntent) -> DecisionInfo:
    """Return the shape of a decision."""
    return DecisionInfo(**_fields(intent))


def decision_story(chain: DecisionChain) -> DecisionStory:
    """Return the shape of a decision with its chain."""
    return DecisionStory(
        **_fields(chain.intent),
        signal=leader_signal(chain.intent.signal, chain.facts),
        orders=[_order(parts) for parts in chain.orders],
    )


def _fields(intent: CopyIntent) -> dict[str, Any]:
    signal = intent.signal
    decided = copy_decision(intent)
    return {name: getattr(decided, name) for name in decided.__struct_fields__} | {
        "signal_id": signal.pk,
        "account_id": intent.copy.account_id,
        "action": signal.action,
        "exits": intent.exits,
        "leader_symbol": signal.symbol,
        "leader_side": signal.side,
        "leader_price": amount_or_none(signal.price),
        "symbol": intent.market.symbol if intent.market else None,
        "side": intent.side,
        "event_time": iso_time(signal.event_time),
    }


def _order(parts: OrderParts) -> DecisionOrder:
    order = traded_order(parts.view)
    return DecisionOrder(
        **{name: getattr(order, name) for name in order.__struct_fields__},
        events=[order_step(event) for event in parts.events],
        fills=[order_fill(fill) for fill in parts.fills],
    )

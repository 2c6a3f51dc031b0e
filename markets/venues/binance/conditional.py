"""Conditional orders of the futures markets: an order that waits, and the one that it becomes (pure).

Binance gives the two different ids. To us they are one order, under our client id; its venue id is that of the
waiting order until the other one exists. Source: the algo order pages of the USD-M and COIN-M APIs.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from markets.venues.base import OrderReport
from markets.venues.binance.numbers import ZERO, first_moment, optional, positive
from markets.venues.binance.orders import order_type
from markets.venues.vocabulary import WAITING_STOP, MarketKind, PositionSide, Side, VenueStatus

Reply = Mapping[str, Any]

STATUSES: Mapping[str, VenueStatus] = MappingProxyType(
    {
        "NEW": VenueStatus.NEW,
        "TRIGGERING": VenueStatus.NEW,
        "TRIGGERED": VenueStatus.NEW,
        "CANCELED": VenueStatus.CANCELED,
        "REJECTED": VenueStatus.REJECTED,
        "EXPIRED": VenueStatus.EXPIRED,
    }
)
FINISHED = "FINISHED"
NO_ORDER = frozenset({"", "0", "None"})


def actual_order_id(reply: Reply) -> str:
    """Return the id of the order that a conditional one has become, empty where there is none yet."""
    number = str(reply.get("actualOrderId") or "")
    return "" if number in NO_ORDER else number


def read_conditional(reply: Reply, kind: MarketKind) -> OrderReport:
    """Return the waiting order that a reply tells of; raises `ValueError` where it has become another one long ago.

    A finished one without the id of what it became says too little to know what was filled.
    """
    if reply["algoStatus"] == FINISHED:
        raise ValueError("finished, but not as which order")
    return OrderReport(
        str(reply["clientAlgoId"]),
        actual_order_id(reply) or f"{WAITING_STOP}{reply['algoId']}",
        str(reply["symbol"]),
        kind,
        STATUSES[reply["algoStatus"]],
        optional(reply, "quantity") or ZERO,
        ZERO,
        first_moment(reply, "updateTime", "createTime"),
        side=Side(reply["side"]),
        position_side=PositionSide(reply.get("positionSide", "BOTH")),
        type=order_type(kind, str(reply["orderType"])),
        price=positive(reply, "price"),
        stop_price=positive(reply, "triggerPrice"),
        reduce_only=bool(reply.get("reduceOnly", False)),
        reason=str(reply.get("rejectReason") or ""),
        raw=reply,
    )


def as_conditional(actual: OrderReport, reply: Reply) -> OrderReport:
    """Return the order that was triggered, under the names of the conditional order that it was."""
    return replace(
        actual,
        client_order_id=str(reply["clientAlgoId"]),
        type=order_type(actual.kind, str(reply["orderType"])),
        stop_price=positive(reply, "triggerPrice"),
        raw={**reply, "actualOrder": actual.raw},
    )

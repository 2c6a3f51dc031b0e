"""A venue that keeps its accounts apart and lets nobody's exits open anything, and misbehaves by chance."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.utils import timezone
from msgspec.structs import replace

from markets.venues.base import AccountAccess, OrderReport, OrderRequest
from markets.venues.errors import OutcomeUnknown, RateLimited, Rejected, Retryable, VenueDown
from markets.venues.vocabulary import OrderType, PositionSide, Side, TimeInForce, VenueStatus
from orders.tests import memory_venue
from orders.tests.memory_venue import PRICE, MemoryVenue
from replication.tests.kit import D

OPEN = {VenueStatus.NEW, VenueStatus.PARTIALLY_FILLED}
STEP = D("0.001")
WHIMS = ("refused", "busy", "limited", "down", "lost", "unheard", "unheard part", "silent", "part", "late")


class UnrulyVenue(MemoryVenue):
    """Every order has its `whim`, most often none; what comes `late` rests until it is moved on."""

    def __init__(self) -> None:
        super().__init__()
        self.chance, self.often = Random(0), 0.0
        self.held: dict[tuple[str, PositionSide], Decimal] = defaultdict(Decimal)
        self.requests: dict[str, tuple[str, OrderRequest]] = {}

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        whim = self.chance.choice(WHIMS) if self.chance.random() < self.often else ""
        _refuse(whim)
        if request.client_order_id in self.orders:
            self.placements[request.client_order_id] += 1
            raise Rejected("Duplicate.", reason="DUPLICATE_CLIENT_ORDER_ID")
        self._take(account.id, request, whim)
        if whim.startswith("unheard"):
            raise OutcomeUnknown("Timeout.", code="-1007")
        report = self.orders[request.client_order_id]
        mine = [trade for trade in self.trades if trade.venue_order_id == report.venue_order_id]
        return replace(report, fills=() if whim == "silent" else tuple(mine))

    def resting(self) -> list[str]:
        return [name for name, report in self.orders.items() if report.status in OPEN]

    def move_on(self, name: str, *, to_the_end: bool) -> None:
        """Let an order that rests trade a part, or all of what it can, or end."""
        rest = self._rest(name)
        if not rest or self.chance.random() < 0.3:
            self.change(name, status=VenueStatus.EXPIRED)
        elif to_the_end or self.chance.random() < 0.5:
            self._trade_some(name, rest)
        else:
            self._trade_some(name, self._part(rest))

    def _take(self, account: str, request: OrderRequest, whim: str) -> None:
        if _closes(request) and not self._room(account, request):
            raise Rejected("ReduceOnly Order is rejected.", reason="REDUCE_ONLY_REFUSED", code="-2022")
        name = request.client_order_id
        self.requests[name] = account, request
        self.accept(_resting(request))
        self.change(name, type=request.type)
        waits = request.type == OrderType.LIMIT and request.time_in_force != TimeInForce.IOC
        if waits or whim == "late":
            return
        rest = self._rest(name)
        self._trade_some(name, self._part(rest) if whim.endswith("part") else rest)
        if self.orders[name].status in OPEN:
            self.change(name, status=VenueStatus.EXPIRED)

    def _rest(self, name: str) -> Decimal:
        account, request = self.requests[name]
        rest = self.orders[name].quantity - self.orders[name].filled_quantity
        return min(rest, self._room(account, request)) if _closes(request) else rest

    def _part(self, quantity: Decimal) -> Decimal:
        return max(quantity * self.chance.randint(1, 3) / 4 // STEP * STEP, STEP)

    def _trade_some(self, name: str, quantity: Decimal) -> None:
        account, request = self.requests[name]
        self.fill(name, quantity, PRICE)
        self.held[account, request.position_side] += quantity if request.side == Side.BUY else -quantity

    def _room(self, account: str, request: OrderRequest) -> Decimal:
        held = self.held[account, request.position_side]
        return max(held if request.side == Side.SELL else -held, D(0))


def _resting(request: OrderRequest) -> OrderRequest:
    """Return the request as one that does not fill at once."""
    values: dict[str, Any] = {name: getattr(request, name) for name in OrderRequest.__struct_fields__}
    return OrderRequest(**values | {"type": OrderType.LIMIT})


def unruly_venue() -> UnrulyVenue:
    """Return the venue at which all accounts of `fake` trade from now on."""
    memory_venue._venue = fresh = UnrulyVenue()
    return fresh


def _closes(request: OrderRequest) -> bool:
    if request.position_side == PositionSide.BOTH:
        return request.reduce_only
    return (request.side == Side.BUY) == (request.position_side == PositionSide.SHORT)


def _refuse(whim: str) -> None:
    match whim:
        case "refused":
            raise Rejected("Market is closed.", reason="MARKET_CLOSED", code="-1")
        case "busy":
            raise Retryable("Busy.", after=timedelta(0))
        case "limited":
            raise RateLimited("Too many.", until=timezone.now() + timedelta(seconds=2))
        case "down":
            raise VenueDown("Away.")
        case "lost":
            raise OutcomeUnknown("The connection was lost.")

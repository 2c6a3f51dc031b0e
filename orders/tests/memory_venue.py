"""A venue in memory, told what to do with the next orders; it keeps what it was sent."""

import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone
from msgspec.structs import replace

from markets.venues.base import (
    AccountAccess,
    AccountReport,
    BalanceReport,
    Capabilities,
    FillReport,
    OrderReference,
    OrderReport,
    OrderRequest,
    PositionReport,
    PriceReport,
    PrivateEvent,
)
from markets.venues.errors import OutcomeUnknown, Rejected, VenueDown, VenueError
from markets.venues.registry import VenueInfo
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce, VenueStatus

CAPABILITIES = Capabilities(
    kinds=frozenset(MarketKind),
    order_types=frozenset(OrderType),
    times_in_force=frozenset(TimeInForce),
    hedge_mode=True,
    reduce_only=True,
    private_stream=True,
)
INFO = VenueInfo("fake", "Fake", CAPABILITIES, "orders.tests.memory_venue:make")
PRICE = Decimal(50_000)


class MemoryVenue:
    """Fills market orders at 50,000 and keeps the others open, unless it was told something else."""

    slug = "fake"
    capabilities = CAPABILITIES

    def __init__(self) -> None:
        self.placements: Counter[str] = Counter()
        self.orders: dict[str, OrderReport] = {}
        self.trades: list[FillReport] = []
        self.positions: list[PositionReport] = []
        self.next: deque[Any] = deque()
        self.questions = 0
        self.prices_told: list[PriceReport] | VenueError = []
        self.price_questions = 0
        self._numbers = itertools.count(100)

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Do what was told next: an error, `lost` (never arrives), `unheard` (arrives, no answer), or place it."""
        told = self.next.popleft() if self.next else None
        if isinstance(told, Exception):
            raise told
        if told == "lost":
            raise OutcomeUnknown("The connection was lost.")
        report = self.accept(request)
        if told == "unheard":
            raise OutcomeUnknown("Timeout waiting for the answer.", code="-1007")
        return report if told == "with fills" else replace(report, fills=())

    async def query(self, account: AccountAccess, reference: OrderReference) -> OrderReport | None:
        """Return the order by its client id."""
        self.questions += 1
        if reference.venue_order_id:
            found = next(
                (each for each in self.orders.values() if each.venue_order_id == reference.venue_order_id), None
            )
            return replace(found, fills=()) if found else None
        if self.next and isinstance(self.next[0], VenueError):
            raise self.next.popleft()
        found = self.orders.get(reference.client_order_id)
        return replace(found, fills=()) if found else None

    async def cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Cancel what is open."""
        report = self.orders.get(reference.client_order_id)
        if report is None:
            raise Rejected("Unknown order sent.", reason="UNKNOWN_ORDER")
        if report.status in {VenueStatus.NEW, VenueStatus.PARTIALLY_FILLED}:
            self.orders[reference.client_order_id] = report = replace(report, status=VenueStatus.CANCELED)
        return report

    async def open_orders(self, account: AccountAccess, symbol: str | None = None) -> Sequence[OrderReport]:
        """Return what is open."""
        still = {VenueStatus.NEW, VenueStatus.PARTIALLY_FILLED}
        return [report for report in self.orders.values() if report.status in still]

    async def fills(
        self, account: AccountAccess, symbol: str, kind: MarketKind, *, venue_order_id: str = "", since: Any = None
    ) -> Sequence[FillReport]:
        """Return trades."""
        mine = [
            trade for trade in self.trades if trade.symbol == symbol and venue_order_id in {"", trade.venue_order_id}
        ]
        return [replace(trade, client_order_id="") for trade in mine]  # as Binance's lists of trades do

    async def account(self, account: AccountAccess) -> AccountReport:
        """Return positions as they were set."""
        if self.next and isinstance(self.next[0], VenueDown):
            raise self.next.popleft()
        usdt = BalanceReport("USDT", Decimal(10_000), Decimal(9_000))
        return AccountReport(timezone.now(), (usdt,), tuple(self.positions), equity=Decimal(10_000))

    async def private_stream(self, account: AccountAccess) -> AsyncIterator[PrivateEvent]:
        """Tell nothing."""
        return
        yield

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the prices that were set."""
        self.price_questions += 1
        if isinstance(self.prices_told, VenueError):
            raise self.prices_told
        return self.prices_told

    async def close(self) -> None:
        """Nothing is open."""

    def fill(self, client_order_id: str, quantity: Any, price: Decimal = PRICE) -> FillReport:
        """Let so much of an order trade."""
        report = self.orders[client_order_id]
        trade = self._trade(report, Decimal(quantity), price)
        filled = report.filled_quantity + trade.quantity
        status = VenueStatus.FILLED if filled == report.quantity else VenueStatus.PARTIALLY_FILLED
        self.orders[client_order_id] = replace(report, filled_quantity=filled, status=status)
        return trade

    def change(self, client_order_id: str, **values: Any) -> None:
        """Let the venue say something else of an order."""
        self.orders[client_order_id] = replace(self.orders[client_order_id], **values)

    def accept(self, request: OrderRequest) -> OrderReport:
        """Take an order; a market order fills at once."""
        self.placements[request.client_order_id] += 1
        report = OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id=str(next(self._numbers)),
            symbol=request.symbol,
            kind=request.kind,
            status=VenueStatus.NEW,
            quantity=request.quantity or Decimal(1),
            filled_quantity=Decimal(0),
            time=timezone.now(),
            side=request.side,
            position_side=request.position_side,
            type=request.type,
            price=request.price,
            raw={"clientOrderId": request.client_order_id, "status": "NEW"},
        )
        self.orders[request.client_order_id] = report
        if request.type == OrderType.MARKET:
            trade = self.fill(request.client_order_id, report.quantity)
            report = replace(self.orders[request.client_order_id], fills=(trade,))
        return report

    def _trade(self, report: OrderReport, quantity: Decimal, price: Decimal) -> FillReport:
        trade = FillReport(
            venue_trade_id=str(next(self._numbers)),
            venue_order_id=report.venue_order_id,
            client_order_id=report.client_order_id,
            symbol=report.symbol,
            kind=report.kind,
            side=report.side,
            position_side=report.position_side,
            price=price,
            quantity=quantity,
            quote_quantity=quantity * price,
            fee=quantity * price / 1000,
            fee_asset="USDT",
            is_maker=False,
            time=timezone.now(),
        )
        self.trades.append(trade)
        return trade


_venue = MemoryVenue()


def make(slug: str) -> MemoryVenue:
    """Return the venue of the running test."""
    return _venue


def renew() -> MemoryVenue:
    """Return a venue that nobody has used."""
    global _venue  # noqa: PLW0603 - the registry makes adapters by the name of a function
    _venue = MemoryVenue()
    return _venue

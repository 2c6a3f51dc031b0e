"""Orders that the venue has and we did not write: placed by hand at the venue, or by another program.

An order is known by the number that its venue gave it, in its market. Client order ids come second: venues forbid one
twice only while the first order is open, and a REST list of trades does not tell them. Some venues tell long ones in
other words: an order that has no number yet is known by those too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import insert_rows
from markets.models import Market
from markets.venues.base import FillReport, OrderReport
from markets.venues.registry import capabilities
from markets.venues.vocabulary import CONDITIONAL_TYPES, WAITING_STOP, MarketKind
from orders.access import is_paper
from orders.executor.findings import Source
from orders.models import Order, Origin, TradingAccount
from orders.services.storing import EVENT_COLUMNS, event_row
from orders.states import OrderState

MarketName = tuple[str, MarketKind]
RECENT = timedelta(days=2)  # longer than any venue that renames orders tells of one


@dataclass(frozen=True, slots=True)
class KnownOrders:
    """Our orders of one account, as venues name them."""

    by_number: Mapping[tuple[MarketName, str], int]
    by_client: Mapping[tuple[MarketName, str], Order]

    def of(self, told: OrderReport | FillReport) -> int | None:
        """Return the id of our order for what a venue told, None where there is none."""
        market = (told.symbol, told.kind)
        if pk := self.by_number.get((market, told.venue_order_id)):
            return pk
        order = self.by_client.get((market, told.client_order_id)) if told.client_order_id else None
        return order.pk if order is not None and _may_have_number(order, told.venue_order_id) else None


def orders_known(*, account: TradingAccount, told: Sequence[OrderReport | FillReport]) -> KnownOrders:
    """Return those of our orders that reports and trades may speak of, in two statements; three where names differ."""
    mine = Order.objects.filter(account=account).select_related("market")
    clients = {each.client_order_id for each in told if each.client_order_id}
    numbers = {each.venue_order_id for each in told if each.venue_order_id}
    rows = [*mine.filter(client_order_id__in=clients), *mine.filter(venue_order_id__in=numbers)]
    known = KnownOrders(
        {(_market_of(row), row.venue_order_id): row.pk for row in rows if row.venue_order_id},
        {(_market_of(row), row.client_order_id): row for row in rows},
    )
    told_as = capabilities(account.venue, paper=is_paper(account)).told_as
    if told_as is None or all(known.of(each) is not None for each in told):
        return known
    unnumbered = mine.filter(venue_order_id="", claimed_at__gte=timezone.now() - RECENT)
    otherwise = {(_market_of(row), told_as(row.client_order_id)): row for row in unnumbered}
    return replace(known, by_client={**otherwise, **known.by_client})


def orders_find(
    *, account: TradingAccount, reports: Sequence[OrderReport], trades: Sequence[FillReport], source: Source
) -> KnownOrders:
    """Return our orders for reports and trades; those that we do not know are written first.

    A written one is of origin `manual` and was never ours to send. A trade proves an order; how large that is will be
    asked for. Markets that are not listed here are left out.
    """
    told: list[OrderReport | FillReport] = [*reports, *trades]
    markets = markets_of(account.venue, [(each.symbol, each.kind) for each in told])
    with transaction.atomic():
        known = orders_known(account=account, told=told)
        # A report may link the number of a trade to our order.
        linked = {name_of(report) for report in reports if known.of(report) is not None}
        strangers = {
            name_of(each): each
            for each in reversed(told)
            if known.of(each) is None and (each.symbol, each.kind) in markets and name_of(each) not in linked
        }
        if not strangers:
            return known
        _write(account, strangers, markets, source)
        return orders_known(account=account, told=told)


def markets_of(venue: str, wanted: Sequence[MarketName]) -> Mapping[MarketName, Market]:
    """Return market rows by symbol and kind, in one statement."""
    rows = Market.objects.filter(venue=venue, symbol__in={symbol for symbol, _ in wanted})
    return {(row.symbol, MarketKind(row.kind)): row for row in rows}


def name_of(told: OrderReport | FillReport) -> tuple[MarketName, str]:
    """Return what names an order at its venue: numbers may be the same in two markets."""
    return (told.symbol, told.kind), told.venue_order_id


def _market_of(order: Order) -> MarketName:
    return order.market.symbol, MarketKind(order.market.kind)


def _may_have_number(order: Order, number: str) -> bool:
    """A stop that waits apart gets another number when it is triggered; any other order keeps the one that it has."""
    numbers = order.venue_order_id, number
    if "" in numbers or order.venue_order_id == number:
        return True
    return order.type in CONDITIONAL_TYPES and any(each.startswith(WAITING_STOP) for each in numbers)


def _write(
    account: TradingAccount,
    strangers: Mapping[tuple[MarketName, str], OrderReport | FillReport],
    markets: Mapping[MarketName, Market],
    source: Source,
) -> None:
    taken = set(
        Order.objects.filter(
            account=account, client_order_id__in=[each.client_order_id for each in strangers.values()]
        ).values_list("client_order_id", flat=True)
    )
    orders = []
    for (market, _), told in sorted(strangers.items()):
        orders.append(_order(account, told, markets[market], taken))
        taken.add(told.client_order_id)  # some programs call all their orders the same
    Order.objects.bulk_create(orders, ignore_conflicts=True)
    stored = Order.objects.filter(account=account, client_order_id__in=[order.client_order_id for order in orders])
    message = "Found at the venue; it was not placed here."
    rows: list[dict[str, Any]] = [
        event_row(order, "", source, code="FOUND", message=message) for order in stored.filter(events=None)
    ]
    insert_rows("orders_orderevent", EVENT_COLUMNS, rows)


def _order(account: TradingAccount, told: OrderReport | FillReport, market: Market, taken: set[str]) -> Order:
    now = timezone.now()
    client = told.client_order_id
    order = Order(
        account=account,
        market=market,
        origin=Origin.MANUAL,
        client_order_id=client if client and client not in taken else f"venue-{market.pk}-{told.venue_order_id}",
        venue_order_id=told.venue_order_id,
        side=told.side,
        position_side=told.position_side,
        type="MARKET",
        state=OrderState.NEW,
        send_before=told.time,
        created_at=told.time,
        acknowledged_at=now,
        updated_at=now,
        check_at=now,
        attempts_allowed=0,
    )
    if isinstance(told, OrderReport):
        order.type, order.price, order.stop_price = told.type, told.price, told.stop_price
        order.quantity, order.reduce_only = told.quantity or None, told.reduce_only
    return order

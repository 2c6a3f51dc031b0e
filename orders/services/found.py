"""Orders that the venue has and we did not write: placed by hand at the venue, or by another program."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import insert_rows
from markets.models import Market
from markets.venues.base import OrderReport
from markets.venues.vocabulary import MarketKind
from orders.executor.findings import Source
from orders.models import Order, Origin, TradingAccount
from orders.services.recording import EVENT_COLUMNS, event_row
from orders.states import OrderState


def orders_find(
    *, account: TradingAccount, reports: Sequence[OrderReport], source: Source
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the ids of our orders for these reports, by client and by venue order id; unknown ones are written.

    A written one is of origin `manual` and was never ours to send. Markets that are not listed here are left out.
    """
    markets = markets_of(account.venue, [(report.symbol, report.kind) for report in reports])
    with transaction.atomic():
        known = _known(account, reports)
        missing = {
            report.client_order_id: report
            for report in reports
            if _match(report, known) is None and (report.symbol, report.kind) in markets
        }
        _write(account, list(missing.values()), markets, source)
        by_client, by_venue = _known(account, reports)
    return by_client, by_venue


def markets_of(venue: str, wanted: Sequence[tuple[str, MarketKind]]) -> Mapping[tuple[str, MarketKind], Market]:
    """Return market rows by symbol and kind, in one statement."""
    rows = Market.objects.filter(venue=venue, symbol__in={symbol for symbol, _ in wanted})
    return {(row.symbol, MarketKind(row.kind)): row for row in rows}


def _match(report: OrderReport, known: tuple[dict[str, int], dict[str, int]]) -> int | None:
    by_client, by_venue = known
    return by_client.get(report.client_order_id) or by_venue.get(venue_key(report.symbol, report.venue_order_id))


def venue_key(symbol: str, venue_order_id: str) -> str:
    """Return what names an order at its venue: order ids may be the same in two markets."""
    return f"{symbol}:{venue_order_id}"


def _known(account: TradingAccount, reports: Sequence[OrderReport]) -> tuple[dict[str, int], dict[str, int]]:
    clients = {report.client_order_id for report in reports if report.client_order_id}
    numbers = {report.venue_order_id for report in reports if report.venue_order_id}
    rows = list(Order.objects.filter(account=account, client_order_id__in=clients).select_related("market"))
    rows += Order.objects.filter(account=account, venue_order_id__in=numbers).select_related("market")
    by_client = {row.client_order_id: row.pk for row in rows}
    by_venue = {venue_key(row.market.symbol, row.venue_order_id): row.pk for row in rows if row.venue_order_id}
    return by_client, by_venue


def _write(
    account: TradingAccount,
    reports: Sequence[OrderReport],
    markets: Mapping[tuple[str, MarketKind], Market],
    source: Source,
) -> None:
    orders = [_order(account, report, markets[report.symbol, report.kind]) for report in reports]
    written = Order.objects.bulk_create(orders, ignore_conflicts=True)
    stored = Order.objects.filter(account=account, client_order_id__in=[order.client_order_id for order in written])
    message = "Found at the venue; it was not placed here."
    rows: list[dict[str, Any]] = [event_row(order, "", source, code="FOUND", message=message) for order in stored]
    insert_rows("orders_orderevent", EVENT_COLUMNS, rows)


def _order(account: TradingAccount, report: OrderReport, market: Market) -> Order:
    now = timezone.now()
    return Order(
        account=account,
        market=market,
        origin=Origin.MANUAL,
        client_order_id=report.client_order_id or f"venue-{market.pk}-{report.venue_order_id}",
        venue_order_id=report.venue_order_id,
        side=report.side,
        position_side=report.position_side,
        type=report.type,
        quantity=report.quantity or None,
        price=report.price,
        stop_price=report.stop_price,
        reduce_only=report.reduce_only,
        state=OrderState.NEW,
        send_before=report.time,
        created_at=report.time,
        acknowledged_at=now,
        updated_at=now,
        check_at=now,
        attempts_allowed=0,
    )

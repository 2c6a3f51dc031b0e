"""What a venue tells of an account, unasked or at a comparison, brought to our orders."""

from collections.abc import Sequence

from django.utils import timezone

from markets.venues.base import ZERO, FillReport, OrderReport
from markets.venues.vocabulary import OrderType, VenueStatus
from orders.executor.findings import Finding, Source
from orders.models import TradingAccount
from orders.services.found import orders_find, venue_key
from orders.services.recording import findings_record


def reports_record(
    *, account: TradingAccount, orders: Sequence[OrderReport], fills: Sequence[FillReport], source: Source
) -> int:
    """Store reports and trades of one account; return how many of our orders they concerned.

    Orders that were not placed here are written first, so that no trade is without its order.
    """
    now = timezone.now()
    implied = [_implied_order(trade) for trade in fills]
    by_client, by_venue = orders_find(account=account, reports=[*orders, *implied], source=source)
    findings = []
    for report in orders:
        pk = by_client.get(report.client_order_id) or by_venue.get(venue_key(report.symbol, report.venue_order_id))
        if pk is not None:
            findings.append(Finding(pk, source, now, report=report))
    for trade in fills:
        pk = by_client.get(trade.client_order_id) or by_venue.get(venue_key(trade.symbol, trade.venue_order_id))
        if pk is not None:
            findings.append(Finding(pk, source, now, fills=(trade,)))
    findings_record(findings)
    return len({finding.order_id for finding in findings})


def _implied_order(trade: FillReport) -> OrderReport:
    """A trade proves an order; how large it is will be asked for."""
    return OrderReport(
        client_order_id=trade.client_order_id,
        venue_order_id=trade.venue_order_id,
        symbol=trade.symbol,
        kind=trade.kind,
        status=VenueStatus.PARTIALLY_FILLED,
        quantity=ZERO,
        filled_quantity=trade.quantity,
        time=trade.time,
        side=trade.side,
        position_side=trade.position_side,
        type=OrderType.MARKET,
    )

"""What a venue tells of an account, unasked or at a comparison, brought to our orders."""

from collections.abc import Sequence

from django.utils import timezone

from markets.venues.base import FillReport, OrderReport
from orders.executor.findings import Finding, Source
from orders.models import TradingAccount
from orders.services.found import name_of, orders_find
from orders.services.recording import findings_record


def reports_record(
    *, account: TradingAccount, orders: Sequence[OrderReport], fills: Sequence[FillReport], source: Source
) -> int:
    """Store reports and trades of one account; return how many of our orders they concerned.

    Orders that were not placed here are written first, so that no trade is without its order.
    """
    now = timezone.now()
    known = orders_find(account=account, reports=orders, trades=fills, source=source)
    numbers = {name_of(report): known.of(report) for report in orders}
    findings = [Finding(pk, source, now, report=report) for report in orders if (pk := known.of(report))]
    for trade in fills:
        pk = known.of(trade) or numbers.get(name_of(trade))
        if pk is not None:
            findings.append(Finding(pk, source, now, fills=(trade,)))
    findings_record(findings)
    return len({finding.order_id for finding in findings})

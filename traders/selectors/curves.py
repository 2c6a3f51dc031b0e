"""Realised results of leaders day by day, as charts show them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from traders.models import DailyStat


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a day brought, and the sum since the window began."""

    date: date
    result: Decimal
    total: Decimal


def curves(trader_ids: Sequence[int], *, days: int, today: date) -> dict[int, list[DayResult]]:
    """Return the last `days` days of each leader, idle ones included, in one statement."""
    since = today - timedelta(days=days - 1)
    results: dict[int, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    rows = DailyStat.objects.filter(trader__in=trader_ids, date__gte=since)
    for trader_id, day, result in rows.values_list("trader_id", "date", "realized_pnl"):
        results[trader_id][min(day, today)] += result  # a source's clock may be ahead of ours
    return {trader_id: _accumulate(results[trader_id], since, days) for trader_id in trader_ids}


def _accumulate(results: Mapping[date, Decimal], since: date, days: int) -> list[DayResult]:
    total = Decimal(0)
    curve = []
    for day in (since + timedelta(days=number) for number in range(days)):
        result = results.get(day, Decimal(0))
        total += result
        curve.append(DayResult(day, result, total))
    return curve

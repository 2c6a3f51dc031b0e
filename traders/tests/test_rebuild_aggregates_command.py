"""`manage.py rebuild_aggregates`."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from traders.models import (
    DailyStat,
    LeadTrader,
    Position,
    PositionSnapshot,
    SnapshotChange,
    SymbolAggregate,
    TradeEvent,
)


@pytest.mark.django_db
def test_it_makes_days_scores_and_totals_anew_and_says_how_many() -> None:
    at = datetime(2026, 2, 5, 23, 59, 59, tzinfo=UTC)
    leader = LeadTrader.objects.create(platform="binance", external_id="1")
    short = {"trader": leader, "symbol": "BTCUSDT", "side": "SHORT", "size": -1, "entry_price": 60000, "fetched_at": at}
    position = Position.objects.create(**short, opened_at=at)
    PositionSnapshot.objects.create(**short, position_id=position.pk, change=SnapshotChange.OPENED)
    TradeEvent.objects.create(
        trader=leader,
        event_key="a",
        canonical_key="a",
        kind="CLOSE_SHORT",
        symbol="BTCUSDT",
        price=60000,
        amount=1,
        realized_pnl=-5,
        event_time=at,
        time_is_exact=True,
        fetched_at=at,
    )
    SymbolAggregate.objects.create(platform="binance", symbol="BTCUSDT", open_long_count=7)
    output = StringIO()
    call_command("rebuild_aggregates", stdout=output)
    assert output.getvalue() == "Rebuilt leaders: 1, days: 1, symbols: 1.\n"
    assert DailyStat.objects.values_list("date", "realized_pnl", "losses").get() == (at.date(), -5, 1)
    total = SymbolAggregate.objects.get()
    assert (total.open_long_count, total.open_short_count, total.latest_event_at) == (0, 1, at)

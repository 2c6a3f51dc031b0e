"""What is kept by differences equals what the facts give."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from copytrade.accounts.authentication import KeyHolder
from ingest.services import push_receive
from tests.payloads import body, encode, event, iso, position, raw_body, raw_order, raw_position
from traders.models import DailyStat, Score, SymbolAggregate
from traders.services.rebuild import rebuild

HOLDER = KeyHolder("test", frozenset({"ingest"}), None)
T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=40)
leads = st.sampled_from(["ada", "bob"])
symbols = st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"])
minutes = st.integers(0, 2000)
amounts = st.decimals("0.001", 1000, places=3).map(float)
pnls = st.none() | st.decimals(-1000, 1000, places=8).map(float)


def moment(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


kinds = st.sampled_from(["OPEN_LONG", "CLOSE_LONG", "OPEN_SHORT", "CLOSE_SHORT", "UNKNOWN"])
events = st.builds(
    lambda kind, symbol, minute, amount, pnl: event(kind, symbol, at=moment(minute), amount=amount, realizedPnl=pnl),
    kinds, symbols, minutes, amounts, pnls,
)  # fmt: skip
positions = st.dictionaries(st.tuples(symbols, st.sampled_from(["LONG", "SHORT"])), st.integers(1, 3), max_size=4).map(
    lambda held: [position(symbol, side, size if side == "LONG" else -size) for (symbol, side), size in held.items()]
)
normalised = st.builds(
    lambda lead, minute, held, fills: body(
        lead=lead, fetched_at=iso(moment(minute)), events=fills, **({} if held is None else {"positions": held})
    ),
    leads, minutes, st.none() | positions, st.lists(events, max_size=5),
)  # fmt: skip
orders = st.builds(
    lambda side, symbol, minute, amount, pnl: raw_order(
        side, at=moment(minute), symbol=symbol, quantity=amount, pnl=pnl or 0
    ),
    st.sampled_from(["BUY", "SELL"]), symbols, minutes, amounts, pnls,
)  # fmt: skip
raw = st.builds(
    lambda lead, minute, held, fills: raw_body(
        fills,
        None if held is None else [raw_position(symbol, amount=str(size)) for symbol, size in held.items()],
        lead=lead,
        fetched_at=iso(moment(minute)),
    ),
    leads, minutes, st.none() | st.dictionaries(symbols, st.integers(-3, 3), max_size=3), st.lists(orders, max_size=4),
)  # fmt: skip


def derived() -> dict[str, Any]:
    """Return everything derived, without the times at which it was computed."""
    return {
        "totals": sorted(
            SymbolAggregate.objects.values_list("symbol", "open_long_count", "open_short_count", "latest_event_at")
        ),
        "days": sorted(
            DailyStat.objects.values_list(
                "trader_id", "date", "realized_pnl", "gross_profit", "gross_loss", "closed_trades", "wins", "losses",
                "events",
            )
        ),
        "scores": sorted(
            Score.objects.values_list(
                "trader_id", "window", "score", "realized_pnl", "win_rate", "max_drawdown", "closed_trades"
            ),
            key=str,
        ),
    }  # fmt: skip


class RebuildAgrees(TestCase):
    """Each example runs in a transaction of its own."""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(normalised | raw, min_size=1, max_size=8))
    def test_after_any_history_of_pushes_the_rebuild_changes_nothing(self, pushes: list[dict[str, Any]]) -> None:
        for whole in pushes:
            push_receive(body=encode(whole), holder=HOLDER)
        kept = derived()

        rebuild(now=timezone.now())

        assert derived() == kept


@pytest.mark.django_db
def test_a_rebuild_mends_what_was_damaged(push):
    push(body(positions=[position()], events=[event("CLOSE_LONG", realizedPnl=5)]))
    kept = derived()
    SymbolAggregate.objects.update(open_long_count=77)
    DailyStat.objects.update(realized_pnl=-1)
    Score.objects.update(score=1)

    rebuild(now=timezone.now())

    assert derived() == kept

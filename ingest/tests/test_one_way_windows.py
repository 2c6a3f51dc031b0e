"""Scrapes show the latest orders only: whatever windows of them arrive, each order is stored once and whole."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from copytrade.accounts.authentication import KeyHolder
from ingest.services import push_receive
from tests.payloads import encode, iso, raw_body, raw_order, raw_position
from traders.models import TradeEvent

HOLDER = KeyHolder("test", frozenset({"ingest"}), None)
T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


def history(trades: list[int]) -> list[tuple[dict[str, Any], int]]:
    """Return each order with the position after it; a trade against the position has a result."""
    held, orders = 0, []
    for number, signed in enumerate(trades):
        pnl = 3 if held * signed < 0 else 0
        held += signed
        side = "BUY" if signed > 0 else "SELL"
        at = T0 + timedelta(seconds=10 * number, milliseconds=1)
        orders.append((raw_order(side, at=at, quantity=abs(signed), pnl=pnl), held))
    return orders


class EachOrderOnce(TestCase):
    """Each example runs in a transaction of its own."""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        trades=st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=9),
        scrapes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.booleans()), min_size=1, max_size=6),
    )
    def test_amounts_are_kept_over_all_windows(self, trades: list[int], scrapes: list[tuple[int, int, bool]]) -> None:
        orders, seen = history(trades), set[int]()
        for upto, size, shows_positions in scrapes:
            last = min(upto, len(orders))
            window = range(max(0, last - size), last)
            seen.update(window)
            held = orders[last - 1][1]
            positions = [raw_position(amount=str(held))] if held else []
            fetched_at = iso(T0 + timedelta(seconds=10 * last - 5))
            whole = raw_body(
                [orders[number][0] for number in window],
                positions if shows_positions else None,
                fetched_at=fetched_at,
            )
            push_receive(body=encode(whole), holder=HOLDER)

        assert TradeEvent.objects.aggregate(total=Sum("amount"))["total"] == sum(abs(trades[n]) for n in seen)

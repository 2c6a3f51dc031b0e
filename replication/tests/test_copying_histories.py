"""Whatever a leader does, followers have their part of it; a flat leader has flat followers; the books agree."""

from decimal import Decimal
from typing import Any

from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TransactionTestCase

from markets.models import PaperAccount
from orders.models import Holding
from replication.engine.running import fan_out
from replication.models import Copy, CopyIntent, CopyPosition
from replication.services.rebuild import copies_rebuild
from replication.tests.kit import D, follow, make_master, paper_account, price_is, settle, trade
from replication.tests.watched_kit import did, follow_since, holds, tell, watched

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # an example takes seconds: making it small, minutes
STEP = D("0.001")
quantities = st.integers(20, 400).map(lambda steps: steps * STEP)
parts = st.integers(1, 4)
moves = st.lists(st.tuples(st.sampled_from(["open", "reduce", "close", "turn"]), quantities, parts), max_size=6)


def wanted(action: str, quantity: Decimal, part: int, held: Decimal) -> Decimal:
    """Return what a leader who holds so much buys (positive) or sells."""
    way = -1 if held < 0 else 1
    match action:
        case "open":
            return way * quantity
        case "reduce":
            return -way * (abs(held) * part / 4).quantize(STEP, "ROUND_DOWN")
        case "close":
            return -held
        case _:
            return -held - way * quantity


def total(copy: Copy) -> Decimal:
    return CopyPosition.objects.filter(copy=copy).aggregate(sum=Sum("quantity"))["sum"] or D(0)


class FollowersHaveTheirPart(TransactionTestCase):
    """Each example runs on tables of its own."""

    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(moves, st.sampled_from([D(1), D("0.5"), D("0.7")]), st.booleans())
    def test_of_a_master(self, history: list[Any], ratio: Decimal, in_parts: bool) -> None:
        price_is()
        leader, account = make_master(balance=10_000_000)
        copies = [follow(leader, paper_account(balance=10_000_000), ratio=ratio) for _ in range(2)]
        if in_parts:  # several trades for each order
            PaperAccount.objects.update(settings={"liquidity": "4000", "seed": "x"})
        held = D(0)
        for action, quantity, part in history:
            signed = wanted(action, quantity, part, held)
            if signed:
                trade(account, "BUY" if signed > 0 else "SELL", abs(signed))
                held += signed
                fan_out()
        settle()

        for copy in copies:
            self.agrees(copy, held * ratio, len(history))
        wrong = copies_rebuild()
        assert (wrong.positions, wrong.days) == ([], [])

    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(moves)
    def test_of_a_watched_leader(self, history: list[Any]) -> None:
        price_is()
        leader = watched()
        copy = follow_since(leader, account=paper_account(balance=10_000_000), max_signal_age_seconds=900)
        held = D(0)
        for number, (action, quantity, part) in enumerate(history):
            held = self.tell_one(leader, held, (action, quantity, part), ago=600 - number * 30)
        settle()

        self.agrees(copy, held, len(history))

    def tell_one(self, leader: Any, held: Decimal, move: tuple[str, Decimal, int], *, ago: float) -> Decimal:
        signed = wanted(*move, held)
        if not signed:
            return held
        side, opposite = ("SHORT", "LONG") if signed < 0 else ("LONG", "SHORT")
        closing = min(abs(held), abs(signed)) if held and (held > 0) != (signed > 0) else D(0)
        events = [did(f"CLOSE_{opposite}", closing, ago=ago)] if closing else []
        if abs(signed) > closing:
            events.append(did(f"OPEN_{side}", abs(signed) - closing, ago=ago))
        held += signed
        now = [holds(held, side="LONG" if held > 0 else "SHORT")] if held else []
        tell(leader, *events, positions=now, read=ago - 12)
        settle()
        return held

    def agrees(self, copy: Copy, expected: Decimal, trades: int) -> None:
        """Each trade may lose a step in rounding, and what is too small to close is owed; nothing else is lost."""
        mine = total(copy)
        if not expected:
            assert mine == 0
        assert abs(mine - expected) <= STEP * (trades + 1), (mine, expected)
        assert mine == (Holding.objects.filter(account=copy.account).aggregate(sum=Sum("quantity"))["sum"] or 0)
        assert not CopyIntent.objects.filter(copy=copy, state__in=["waiting", "planned", "failed"]).exists()

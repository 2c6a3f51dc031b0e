"""The rules of request budgets, as one process keeps them."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from markets.venues.budget_rules import Demand, Ledger, Pool, Ruling, Span

MINUTE = 60_000
NOW = 1_789_478_303_000
POOL = Pool("pool", Span(timedelta(minutes=1), 100), (Span(timedelta(seconds=10), 3), Span(timedelta(minutes=1), 5)))
READ, URGENT = Demand(10), Demand(10, urgent=True)
ORDER = Demand(0, urgent=True, account="one", places=True)


def test_reads_leave_room_for_orders() -> None:
    ledger = Ledger(POOL)

    assert [ledger.reserve(READ, NOW).ruling for _ in range(9)] == [Ruling.GRANTED] * 8 + [Ruling.EXHAUSTED]
    assert [ledger.reserve(URGENT, NOW).ruling for _ in range(3)] == [Ruling.GRANTED] * 2 + [Ruling.EXHAUSTED]


def test_who_is_refused_is_told_when_the_next_minute_begins() -> None:
    ledger = Ledger(POOL)
    ledger.learn(100, NOW // MINUTE)
    verdict = ledger.reserve(READ, NOW)

    assert verdict.until == (NOW // MINUTE + 1) * MINUTE
    assert ledger.reserve(READ, verdict.until).ruling is Ruling.GRANTED


def test_the_venue_s_own_count_is_believed_where_it_is_higher() -> None:
    ledger = Ledger(POOL)
    ledger.learn(75, NOW // MINUTE)
    ledger.learn(20, NOW // MINUTE)

    assert ledger.reserve(READ, NOW).ruling is Ruling.EXHAUSTED
    assert ledger.seen() == (NOW // MINUTE, 75)


def test_a_count_of_a_minute_that_is_over_is_not_taken_over() -> None:
    ledger = Ledger(POOL)
    ledger.reserve(READ, NOW + MINUTE)
    ledger.learn(100, NOW // MINUTE)

    assert ledger.reserve(READ, NOW + MINUTE).ruling is Ruling.GRANTED


def test_orders_count_per_account_and_span() -> None:
    ledger = Ledger(POOL)
    start = NOW // MINUTE * MINUTE

    assert [ledger.reserve(ORDER, start).ruling for _ in range(3)] == [Ruling.GRANTED] * 3
    refused = ledger.reserve(ORDER, start)
    assert (refused.ruling, refused.until) == (Ruling.TOO_MANY_ORDERS, start + 10_000)
    assert ledger.reserve(Demand(0, account="two", places=True), start).ruling is Ruling.GRANTED
    assert [ledger.reserve(ORDER, start + 10_000).ruling for _ in range(2)] == [Ruling.GRANTED] * 2
    assert ledger.reserve(ORDER, start + 10_000).until == start + MINUTE


def test_a_ban_holds_for_everything_and_the_later_end_counts() -> None:
    ledger = Ledger(POOL)
    ledger.ban(NOW + 2000)
    ledger.ban(NOW + 1000)

    for demand in (READ, URGENT, ORDER, Demand(0)):
        verdict = ledger.reserve(demand, NOW + 1500)
        assert (verdict.ruling, verdict.until) == (Ruling.BANNED, NOW + 2000)
    assert ledger.reserve(READ, NOW + 2000).ruling is Ruling.GRANTED


def test_an_account_that_is_held_places_nothing_and_others_do() -> None:
    ledger = Ledger(POOL)
    ledger.hold("one", NOW + 5000)

    assert ledger.reserve(ORDER, NOW).ruling is Ruling.TOO_MANY_ORDERS
    assert ledger.reserve(Demand(0, account="two", places=True), NOW).ruling is Ruling.GRANTED
    assert ledger.reserve(Demand(1, account="one"), NOW).ruling is Ruling.GRANTED


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 60), st.booleans()), max_size=60))
def test_no_minute_ever_takes_more_than_the_venue_allows(asked: list[tuple[int, int, bool]]) -> None:
    ledger = Ledger(POOL)
    spent: dict[int, list[tuple[int, bool]]] = {}
    now = NOW
    for wait, weight, urgent in asked:
        now += wait
        if ledger.reserve(Demand(weight, urgent=urgent), now).ruling is Ruling.GRANTED:
            spent.setdefault(now // MINUTE, []).append((weight, urgent))

    for granted in spent.values():
        assert sum(weight for weight, _ in granted) <= 100
        assert sum(weight for weight, urgent in granted if not urgent) <= 80

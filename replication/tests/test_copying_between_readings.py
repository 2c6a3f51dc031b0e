"""A source reads trades and positions one after the other: what happens in between is in one of both."""

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from replication.engine.running import fan_out, sweep
from replication.models import Copy, Signal
from replication.tests.kit import D, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, moment, push, tell, watched
from tests.payloads import iso
from traders.models import LeadTrader

pytestmark = [pytest.mark.django_db(transaction=True)]
GAP = 1.5  # seconds between the two readings
LENGTH = 130.0  # seconds of a sequence
WORKERS: tuple[Callable[[], object], ...] = (fan_out, sweep, lambda: None)


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def with_position(size: str) -> tuple[LeadTrader, Copy]:
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    tell(leader, did("OPEN_LONG", size, ago=100), positions=[holds(size)], read=95)
    assert held(copy) == D(size)
    return leader, copy


def reductions_seen() -> int:
    return Signal.objects.filter(source="flat").count()


@pytest.mark.parametrize(
    ("before", "first", "second", "left"),
    [
        ("1", ("OPEN_LONG", "0.2"), ("CLOSE_LONG", "0.8"), "0.4"),
        ("0.5", ("OPEN_LONG", "0.2"), ("CLOSE_LONG", "0.3"), "0.4"),
        ("0.5", ("CLOSE_LONG", "0.2"), ("CLOSE_LONG", "0.1"), "0.2"),
        ("0.5", ("CLOSE_LONG", "0.5"), ("OPEN_LONG", "0.1"), "0.1"),
    ],
)
@pytest.mark.parametrize("ago", [40, 24])
def test_a_trade_after_the_trades_were_read_is_copied_once_when_it_is_told(before, first, second, left, ago):
    leader, copy = with_position(before)
    told, later = did(*first, ago=ago), did(*second, ago=21)

    tell(leader, told, positions=[holds(left)], read=20)
    tell(leader, told, later, positions=[holds(left)], read=2)
    settle()

    assert (held(copy), reductions_seen()) == (D(left), 0)


def test_a_trade_after_the_positions_were_read_is_no_sign_that_something_was_closed():
    leader, copy = with_position("0.5")
    tell(leader, did("OPEN_LONG", "0.2", ago=9), did("OPEN_LONG", "0.3", ago=5), positions=[holds("0.7")], read=4)

    push(leader, positions=[holds("1.0")], read=0)
    settle()

    assert (held(copy), reductions_seen()) == (D("1.0"), 0)


def test_a_position_that_is_opened_in_parts_around_the_reading_is_copied_whole():
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    tell(leader, did("OPEN_LONG", "0.2", ago=40), positions=[holds("0.2")], read=39)
    tell(leader, did("OPEN_LONG", "0.2", ago=28), did("OPEN_LONG", "0.2", ago=25), positions=[holds("0.4")], read=24)

    push(leader, positions=[holds("0.6")], read=5)
    settle()

    assert (held(copy), reductions_seen()) == (D("0.6"), 0)


def test_another_trade_of_the_same_second_is_copied_too():
    leader, copy = with_position("0.5")
    one, two = did("OPEN_LONG", "0.2", ago=20), did("OPEN_LONG", "0.1", ago=20)
    two["eventTime"] = one["eventTime"]

    tell(leader, one, positions=[holds("0.7")], read=18)
    tell(leader, two, positions=[holds("0.8")], read=10)
    settle()

    assert held(copy) == D("0.8")


def test_who_leaves_and_is_shown_to_hold_nothing_any_more_is_followed_out_at_once():
    leader, copy = with_position("0.5")

    tell(leader, did("CLOSE_LONG", "0.2", ago=3), positions=[], read=0)

    assert held(copy) == 0


class Traded(NamedTuple):
    """A trade at a second of the sequence, and what the leader held after it."""

    at: float
    size: int
    event: dict[str, Any]


def sequence(chance: random.Random, length: float, *, quiet: float = 10) -> Iterator[Traded]:
    """Return what a leader does, but for the last seconds, which are quiet."""
    at, size = 0.0, 0
    while (at := at + chance.choice([0.2, 0.5, 3, 6, 9, 14])) < length - quiet:
        enters = not size or chance.random() < 1 / 3
        amount = chance.choice([2, 4, 10]) if not size else chance.choice([1, 2, 5])
        amount = amount if enters else min(size, chance.choice([1, 2, 4, size]))
        size += amount if enters else -amount
        kind = "OPEN_LONG" if enters else "CLOSE_LONG"
        event = did(kind, Decimal(amount) / 10) | {"eventTime": iso(moment(length - at))}
        yield Traded(at, size, event)


def watch(leader: LeadTrader, trades: list[Traded], told: list[Traded], lags: tuple[float, float], seed: int) -> None:
    """Report what a leader does every 4 to 20 seconds; now and then nobody works meanwhile."""
    chance, read, (trades_lag, positions_lag) = random.Random(seed), 0.0, lags
    while read < LENGTH:
        read = min(read + chance.choice([4, 7, 12, 20]), LENGTH)
        events = [trade.event for trade in told if trade.at <= read - trades_lag]
        size = next((trade.size for trade in reversed(trades) if trade.at <= read - positions_lag), 0)
        push(leader, *events, positions=[holds(Decimal(size) / 10)] if size else [], read=LENGTH - read)
        chance.choice(WORKERS)()
    for _ in range(3):
        settle()


@pytest.fixture
def copied() -> tuple[LeadTrader, Copy]:
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    opened, closed = did("OPEN_LONG", "0.1", ago=LENGTH + 90), did("CLOSE_LONG", "0.1", ago=LENGTH + 60)
    tell(leader, opened, positions=[holds("0.1")], read=LENGTH + 75)
    tell(leader, closed, positions=[], read=LENGTH + 45)
    return leader, copy


@pytest.mark.parametrize("seed", [2, 114, 191, 309])
@pytest.mark.parametrize("lags", [(GAP, 0), (0, GAP)])
def test_whatever_is_traded_between_two_readings_copies_end_with_what_the_leader_has(copied, seed, lags):
    leader, copy = copied
    trades = list(sequence(random.Random(seed), LENGTH))

    watch(leader, trades, trades, lags, seed)

    assert held(copy) == Decimal(trades[-1].size) / 10


@pytest.mark.parametrize("seed", [705, 724, 731])
@pytest.mark.parametrize("lags", [(GAP, 0), (0, GAP)])
def test_where_some_trades_are_never_told_copies_end_with_no_more_than_the_leader_has(copied, seed, lags):
    leader, copy = copied
    trades = list(sequence(random.Random(seed), LENGTH, quiet=34))
    told = [trade for number, trade in enumerate(trades) if (number * 7 + seed) % 9]

    watch(leader, trades, told, lags, seed)

    assert held(copy) <= Decimal(trades[-1].size) / 10 * D("1.02")


def test_a_first_position_whose_order_fills_slowly_is_copied_whole():
    """A source tells of an order when it is done, and shows what it has filled before."""
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    push(leader, positions=[], read=200)
    push(leader, positions=[holds("0.2")], read=80)
    settle()

    tell(leader, did("OPEN_LONG", "0.5", ago=30), positions=[holds("0.5")], read=20)
    push(leader, positions=[holds("0.5")], read=5)
    settle()

    assert held(copy) == D("0.5")


def test_a_position_from_before_the_first_report_is_no_part_of_what_is_copied():
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    tell(leader, did("OPEN_LONG", "0.5", ago=43), positions=[holds("1.5")], read=40)

    tell(leader, did("CLOSE_LONG", "0.75", ago=5), positions=[holds("0.75")], read=2)
    settle()

    assert held(copy) == D("0.25")

"""A close that is recorded while it is counted what a copy is worth is in all of its figures, or in none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from replication.models import Copy, CopyPosition
from replication.selectors.values import copy_values
from replication.services.protecting import copies_protect
from replication.tests.kit import D, follow, price_is
from tests.factories import make_account, make_leader, make_market
from traders.models import LeaderStatus

pytestmark = pytest.mark.django_db

BOUGHT, NOW, HELD = 50_000, 60_000, D("0.05")
GAIN = HELD * (NOW - BOUGHT)


@pytest.fixture
def copy() -> Copy:
    """One that began with 1,000 and gained 500 with what it holds; it may fall by 20 %."""
    price_is(NOW)
    leader = make_leader(status=LeaderStatus.APPROVED)
    begun = follow(leader, make_account(), allocated=D(1_000), max_drawdown_percent=D(20))
    hold(begun, quantity=HELD, cost=HELD * BOUGHT)
    return begun


def hold(copy: Copy, symbol: str = "BTCUSDT", **figures: Decimal) -> None:
    market = make_market(symbol=symbol)
    copy.positions.create(market=market, side="LONG", leader_symbol=symbol, leader_side="LONG", **figures)


def closing_beside(statement: int) -> AbstractContextManager[None]:
    """Record a close after one of the statements that read positions, as a worker may at any time."""
    left = iter([False] * statement + [True])

    def executes(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        result = execute(sql, *others)
        if sql.startswith("SELECT") and "replication_copyposition" in sql and next(left, False):
            CopyPosition.objects.exclude(quantity=0).update(quantity=0, cost=0, realized_pnl=GAIN)
        return result

    return connection.execute_wrapper(executes)


@pytest.mark.parametrize("statement", range(3))
def test_what_it_is_worth_is_the_same_before_and_after_the_close(copy, statement):
    with closing_beside(statement):
        assert copy_values([copy])[copy.pk].value == 1_500

    assert copy_values([copy])[copy.pk].value == 1_500


@pytest.mark.parametrize("statement", range(6))
def test_a_copy_that_closes_with_a_gain_has_not_fallen(copy, statement):
    copies_protect()

    with closing_beside(statement):
        assert copies_protect() == 0

    copy.refresh_from_db()
    assert (copy.state, copy.peak_value) == ("active", 1_500)


def test_what_each_copy_realised_is_its_own(copy):
    hold(copy, "ETHUSDT", realized_pnl=D(70), fees=D(3))
    hold(copy, "SOLUSDT", realized_pnl=D(-20), fees=D(1))
    other = follow(copy.trader, make_account(), allocated=D(100))
    hold(other, "ETHUSDT", realized_pnl=D(5))
    unused = follow(copy.trader, make_account(), allocated=D(10))

    found = copy_values([copy, other, unused])

    assert [one.realized_pnl for one in found.values()] == [50, 5, 0]
    assert [one.fees for one in found.values()] == [4, 0, 0]
    assert [one.open_positions for one in found.values()] == [1, 0, 0]
    assert [one.value for one in found.values()] == [1_546, 105, 10]

"""A close that is booked while positions are summed up is in all of the sums, or in none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from orders.models import Holding
from orders.selectors.positions import PositionFilter, positions_summary
from orders.tests.test_positions_api import set_price
from tests.factories import make_holding

pytestmark = pytest.mark.django_db


def closing_after(statement: int) -> AbstractContextManager[None]:
    """Book a close after one of the statements that read holdings, as a worker may at any time."""
    left = iter([False] * statement + [True])

    def executes(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        result = execute(sql, *others)
        if sql.startswith("SELECT") and "orders_holding" in sql and next(left, False):
            Holding.objects.update(quantity=0, cost=0, realized_pnl=100)
        return result

    return connection.execute_wrapper(executes)


@pytest.mark.parametrize("statement", range(2))
def test_what_was_gained_counts_once(statement):
    set_price("60000")
    holding = make_holding(quantity=Decimal("0.01"), cost=Decimal(500))
    with closing_after(statement):
        (total,) = positions_summary(holding.account.user, PositionFilter())

    assert total.unrealized_pnl + total.realized_pnl == 100

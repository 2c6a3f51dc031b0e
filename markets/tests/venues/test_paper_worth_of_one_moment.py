"""A close that is booked while a paper account is reported is in all of its figures, or in none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection

from markets.tests.venues.paper_desk import PaperDesk
from markets.venues.base import AccountAccess
from markets.venues.paper.accounts import account_report

pytestmark = pytest.mark.django_db


def closing_after(statement: int, desk: PaperDesk, access: AccountAccess) -> AbstractContextManager[None]:
    """Close everything after one of the statements that read the books, as a worker may at any time."""
    left = iter([False] * statement + [True])

    def executes(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        result = execute(sql, *others)
        if sql.lstrip().startswith("SELECT") and "markets_paper" in sql and next(left, False):
            desk.place(access, desk.order("SELL", "0.1"))
        return result

    return connection.execute_wrapper(executes)


@pytest.mark.parametrize("statement", range(2))
def test_it_is_worth_what_it_was_before_the_close(statement):
    desk = PaperDesk()
    access = desk.account(taker_fee="0")
    desk.place(access, desk.order("BUY", "0.1"))
    desk.prices.set(desk.market, 60_000)
    with closing_after(statement, desk, access):
        told = account_report(desk.venue, access, desk.prices)

    assert told.equity == 11_000
    assert account_report(desk.venue, access, desk.prices).equity == 11_000

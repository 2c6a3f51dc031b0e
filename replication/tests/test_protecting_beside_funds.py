"""What its owner changes while it is looked at a copy holds; what it began with may be learnt later."""

from collections.abc import Callable

import pytest

from orders.models import TradingAccount
from replication.models import Copy
from replication.selectors.values import copy_values
from replication.services import protecting
from replication.services.copies import copy_change, copy_funds_move
from replication.services.protecting import copies_protect
from replication.tests.kit import D, follow
from tests.factories import make_account, make_leader, make_market
from traders.models import LeaderStatus

pytestmark = pytest.mark.django_db


def begun(**settings) -> Copy:
    return follow(make_leader(status=LeaderStatus.APPROVED), make_account(), max_drawdown_percent=D(40), **settings)


def realised(copy: Copy, pnl: int) -> Copy:
    copy.positions.create(
        market=make_market(), side="LONG", leader_symbol="BTCUSDT", leader_side="LONG", realized_pnl=pnl
    )
    return copy


def figures(copy: Copy):
    return Copy.objects.values_list("state", "base_value", "peak_value").get(pk=copy.pk)


@pytest.fixture
def meanwhile(monkeypatch):
    """Let funds be moved, or something else be done, just after it was counted what a copy is worth."""

    def happens(copy: Copy, amount: int = 0, *, change: Callable[[], object] | None = None) -> None:
        def counts_and_waits(batch):
            found = copy_values(batch)
            if amount:
                copy_funds_move(copy=copy, amount=D(amount), actor=copy.account.user)
            if change:
                change()
            return found

        with monkeypatch.context() as patch:
            patch.setattr(protecting, "copy_values", counts_and_waits)
            assert copies_protect() == 0

    return happens


def test_funds_taken_while_it_is_counted_leave_no_peak_of_before(meanwhile):
    copy = realised(begun(allocated=D(100)), 20)

    meanwhile(copy, -50)

    assert figures(copy) == ("active", 50, 70)
    assert copies_protect() == 0
    assert figures(copy) == ("active", 50, 70)


def test_funds_added_while_it_is_counted_save_a_copy(meanwhile):
    copy = realised(begun(allocated=D(100)), -50)

    meanwhile(copy, 900)

    assert figures(copy) == ("active", 1000, 1000)
    assert copies_protect() == 0


def test_funds_taken_while_it_is_counted_do_not_save_a_copy_from_the_next_look(meanwhile):
    copy = realised(begun(allocated=D(1000)), -500)

    meanwhile(copy, -400)

    assert copies_protect() == 1
    assert figures(copy)[0] == "ended"


def test_funds_taken_while_it_is_counted_end_no_copy_that_lost_little(meanwhile):
    copy = realised(begun(allocated=D(1000)), -50)

    meanwhile(copy, -900)

    assert copies_protect() == 0


def test_a_limit_that_is_lifted_while_it_is_counted_stops_nothing(meanwhile):
    copy = realised(begun(allocated=D(100)), -50)
    lifted = {"max_drawdown_percent": None}

    meanwhile(copy, change=lambda: copy_change(copy=copy, changes=lifted, actor=copy.account.user))

    assert figures(copy)[0] == "active"


def test_what_a_copy_began_with_is_learnt_once_its_account_tells():
    copy, ended = begun(), begun()
    Copy.objects.filter(pk=ended.pk).update(state="ended")
    copies_protect()
    assert figures(copy) == ("active", None, None)
    TradingAccount.objects.update(equity=1000)

    copies_protect()

    assert figures(copy) == ("active", 1000, 1000)
    assert figures(ended) == ("ended", None, None)
    realised(copy, -500)
    assert copies_protect() == 1


def test_what_is_known_is_not_learnt_anew():
    copy = begun(allocated=D(100))
    TradingAccount.objects.update(equity=1000)

    copies_protect()

    assert figures(copy) == ("active", 100, 100)

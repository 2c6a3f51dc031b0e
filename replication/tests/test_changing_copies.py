"""Changes of a copy, and who may make them, while others are at it."""

from typing import Any

import pytest

from copytrade.lib.errors import InvalidInput
from replication.models import Copy
from replication.services import copies
from replication.services.copies import copy_change, copy_pause, copy_resume, copy_stop
from replication.services.refusing import CopyConflict
from replication.tests.callers import client_of, data
from replication.tests.kit import D, decision, follow, held, lead, make_master, price_is, send_nothing
from replication.vocabulary import Strategy
from tests.factories import make_leader, make_user
from traders.models import LeaderStatus, LeadTrader

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def copy() -> Copy:
    return follow(make_master()[0])


def change_by_api(copy: Copy, body: dict[str, str]) -> None:
    data(client_of(copy.account.user).patch(f"/api/copies/{copy.pk}", body, content_type="application/json"))


def test_of_two_changes_at_once_both_hold(copy, monkeypatch):
    change = copies.copy_change

    def after_another(**values):
        monkeypatch.setattr(copies, "copy_change", change)
        change_by_api(copy, {"max_daily_loss": "100"})
        return change(**values)

    monkeypatch.setattr(copies, "copy_change", after_another)
    change_by_api(copy, {"ratio": "0.5"})

    copy.refresh_from_db()
    assert (copy.ratio, copy.max_daily_loss) == (D("0.5"), 100)


def test_what_fits_nothing_changes_nothing(copy):
    with pytest.raises(InvalidInput):
        copy_change(copy=copy, changes={"ratio": D(-1), "max_daily_loss": D(5)}, actor=copy.account.user)

    copy.refresh_from_db()
    assert (copy.ratio, copy.max_daily_loss) == (1, None)


def test_what_a_copy_begins_with_cannot_be_asked_for_afterwards(copy):
    with pytest.raises(InvalidInput, match="copy_open_positions: is what a copy begins with"):
        copy_change(copy=copy, changes={"copy_open_positions": True}, actor=copy.account.user)

    copy_change(copy=copy, changes={"copy_open_positions": False, "ratio": D(2)}, actor=copy.account.user)
    copy.refresh_from_db()
    assert copy.ratio == 2


def test_no_copy_is_sized_by_an_equity_that_its_leader_does_not_tell(copy):
    silent = make_leader(status=LeaderStatus.APPROVED)
    wished: dict[str, Any] = {"strategy": Strategy.EQUITY_PROPORTIONAL, "ratio": None}
    with pytest.raises(InvalidInput, match="strategy: needs the leader's equity"):
        follow(silent, **wished)
    other = follow(silent)
    with pytest.raises(InvalidInput, match="strategy: needs the leader's equity"):
        copy_change(copy=other, changes=wished, actor=other.account.user)

    LeadTrader.objects.filter(pk=silent.pk).update(raw={"data": {"marginBalance": "2000"}})
    copy_change(copy=other, changes=wished, actor=other.account.user)
    copy_change(copy=copy, changes=wished, actor=copy.account.user)  # of a master, whose account tells it


def test_a_copy_is_not_turned_round_while_an_entry_is_under_way(monkeypatch):
    leader, account = make_master()
    copy = follow(leader)
    with monkeypatch.context() as patched:
        send_nothing(patched)
        lead(account, "BUY", "0.1")

    with pytest.raises(CopyConflict, match="under way"):
        copy_change(copy=copy, changes={"inverted": True}, actor=copy.account.user)


def test_what_staff_have_paused_its_owner_cannot_resume(copy):
    staff = make_user(is_staff=True)
    copy_pause(copy=copy, actor=staff, by_staff=True)

    with pytest.raises(CopyConflict, match="ask them"):
        copy_resume(copy=copy, actor=copy.account.user)

    copy.refresh_from_db()
    assert (copy.state, copy.state_reason) == ("paused", "Paused by staff.")
    assert copy_resume(copy=copy, actor=staff, by_staff=True).state == "active"
    copy_pause(copy=copy, actor=copy.account.user)
    assert copy_resume(copy=copy, actor=copy.account.user).state == "active"


def test_staff_pause_what_its_owner_has_paused(copy):
    copy_pause(copy=copy, actor=copy.account.user)
    copy_pause(copy=copy, actor=make_user(is_staff=True), by_staff=True)

    with pytest.raises(CopyConflict, match="ask them"):
        copy_resume(copy=copy, actor=copy.account.user)


def test_its_owner_stops_what_staff_have_paused(copy):
    copy_pause(copy=copy, actor=make_user(is_staff=True), by_staff=True)

    assert copy_stop(copy=copy, close=False, actor=copy.account.user).state == "ended"


def test_staff_do_not_pause_what_is_stopping():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    copy_stop(copy=copy, close=True, actor=copy.account.user)

    assert copy_pause(copy=copy, actor=make_user(is_staff=True), by_staff=True).state == "stopping"
    assert (decision(copy).state, held(copy)) == ("filled", D("0.1"))


@pytest.mark.parametrize("staff_first", [True, False])
def test_a_copy_that_both_have_paused_goes_on_after_both(copy, staff_first):
    staff = make_user(is_staff=True)
    for by_staff in (staff_first, not staff_first):
        copy_pause(copy=copy, actor=staff if by_staff else copy.account.user, by_staff=by_staff)

    resumed = copy_resume(copy=copy, actor=staff, by_staff=True)

    assert (resumed.state, resumed.state_reason) == ("paused", "Paused by its owner.")
    assert copy_resume(copy=copy, actor=copy.account.user).state == "active"


def test_what_its_owner_has_paused_staff_do_not_resume(copy):
    copy_pause(copy=copy, actor=copy.account.user)

    with pytest.raises(CopyConflict, match="owner has paused"):
        copy_resume(copy=copy, actor=make_user(is_staff=True), by_staff=True)

"""Beginning and changing copies: what fits together, whose it is, and what is refused."""

import pytest

from copytrade.accounts.models import AuditEvent
from copytrade.lib.errors import InvalidInput, NotFound
from orders.models import TradingAccount
from orders.services.accounts import account_close
from replication.engine.running import fan_out
from replication.models import Copy, CopyFunds, CopyIntent, LeaderAccount
from replication.services.copies import copy_change, copy_funds_move, copy_pause, copy_resume, copy_start, copy_stop
from replication.services.refusing import CopyConflict
from replication.terms import CopySettings
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is, settle, trade
from replication.tests.watched_kit import did, holds, push, watched
from replication.vocabulary import Strategy
from tests.factories import make_market, make_user
from traders.models import LeaderStatus

pytestmark = [pytest.mark.django_db(transaction=True)]
ONE = CopySettings(ratio=D(1))


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def test_a_copy_without_an_account_opens_one_on_paper_at_the_leaders_venue():
    leader = watched()
    user = make_user()

    copy = copy_start(user=user, trader=leader, settings=ONE)

    assert (copy.account.user, copy.account.venue, copy.account.mode) == (user, "binanceusdm", "paper")
    leader.refresh_from_db()
    assert leader.is_copied


def test_an_account_that_leads_is_never_the_one_that_suits():
    _, leading = make_master()
    leader = watched()

    copy = copy_start(user=leading.user, trader=leader, settings=ONE)

    assert copy.account != leading
    assert (copy.account.user, copy.account.venue) == (leading.user, leading.venue)


def test_the_users_own_account_at_the_leaders_venue_is_taken():
    leader, account = paper_account(), paper_account()
    copy = copy_start(user=account.user, trader=watched(), settings=ONE)

    assert copy.account == account
    assert leader.copies.count() == 0


def test_all_that_is_wrong_is_told_at_once():
    wrong = CopySettings(
        strategy=Strategy.PERCENTAGE, max_order=D(-1), max_signal_age_seconds=0, trading_hours={"zone": "?", "days": []}
        | {"from": "1:00", "to": "1:00"}
    )  # fmt: skip

    with pytest.raises(InvalidInput) as refused:
        copy_start(user=make_user(), trader=watched(), settings=wrong)

    paths = [problem["path"] for problem in refused.value.details["errors"]]
    assert {"percentage", "max_order", "max_signal_age_seconds", "trading_hours.zone"} <= set(paths)
    assert not Copy.objects.exists()


@pytest.mark.parametrize("status", [LeaderStatus.CANDIDATE, LeaderStatus.PAUSED])
def test_a_leader_whom_staff_did_not_approve_is_not_copied(status):
    with pytest.raises(CopyConflict, match="not open"):
        copy_start(user=make_user(), trader=watched(status=status), settings=ONE)


def test_a_blocked_leader_does_not_exist():
    with pytest.raises(NotFound):
        copy_start(user=make_user(), trader=watched(status=LeaderStatus.BLOCKED), settings=ONE)


def test_nobody_copies_oneself():
    leader, account = make_master()

    with pytest.raises(CopyConflict, match="yourself"):
        copy_start(user=account.user, trader=leader, settings=ONE)


def test_an_account_copies_a_leader_once_and_again_after_it_ended():
    leader = watched()
    copy = follow(leader)
    with pytest.raises(CopyConflict, match="already"):
        follow(leader, copy.account)

    copy_stop(copy=copy, close=False, actor=copy.account.user)

    assert follow(leader, copy.account).pk != copy.pk


def test_so_many_leaders_are_copied_at_the_most(settings):
    settings.COPY_MOST_LEADERS = 2
    account = paper_account()
    for _ in range(2):
        follow(watched(), account)

    with pytest.raises(CopyConflict, match="2 is the most"):
        follow(watched(), account)


def test_an_account_that_was_closed_meanwhile_copies_nobody():
    account = paper_account()
    account_close(account=TradingAccount.objects.get(pk=account.pk), actor=account.user)

    with pytest.raises(CopyConflict, match="closed"):
        follow(watched(), account)


def test_a_closed_account_copies_nobody():
    account = paper_account()
    account_close(account=account, actor=account.user)
    account.refresh_from_db()

    with pytest.raises(CopyConflict, match="closed"):
        follow(watched(), account)


def test_the_steps_of_a_copy_are_audited_and_repeating_them_changes_nothing():
    copy = follow(watched())
    user = copy.account.user

    for _ in range(2):
        copy_pause(copy=copy, actor=user)
    for _ in range(2):
        copy_resume(copy=copy, actor=user)
    for _ in range(2):
        copy_stop(copy=copy, close=False, actor=user)

    actions = list(
        AuditEvent.objects.filter(action__startswith="copy.").order_by("pk").values_list("action", flat=True)
    )
    assert actions == ["copy.start", "copy.pause", "copy.resume", "copy.stop"]


def test_an_ended_copy_stays_as_it_is():
    copy = follow(watched())
    user = copy.account.user
    copy_stop(copy=copy, close=False, actor=user)

    for change in (copy_pause, copy_resume):
        with pytest.raises(CopyConflict, match="ended"):
            change(copy=copy, actor=user)
    with pytest.raises(CopyConflict, match="ended"):
        copy_change(copy=copy, changes={"ratio": D(2)}, actor=user)


def test_what_is_stopping_is_not_resumed():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    copy_stop(copy=copy, close=True, actor=copy.account.user)

    with pytest.raises(CopyConflict, match="stopping"):
        copy_resume(copy=copy, actor=copy.account.user)


def test_a_copy_is_not_turned_round_while_it_holds_something():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    with pytest.raises(CopyConflict, match="open positions"):
        copy_change(copy=copy, changes={"inverted": True}, actor=copy.account.user)
    lead(account, "SELL", "0.1")
    copy_change(copy=copy, changes={"inverted": True}, actor=copy.account.user)

    lead(account, "BUY", "0.1")
    assert held(copy, "SHORT") == D("-0.1")


def test_an_exit_follows_what_is_held_even_if_the_copy_was_turned_round_since():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    Copy.objects.update(inverted=True)

    lead(account, "SELL", "0.1")

    assert (held(copy), copy.account.holdings.get().quantity) == (0, 0)


def test_funds_are_added_and_taken_and_never_all():
    copy = follow(watched(), allocated=D(1000))
    user = copy.account.user

    copy_funds_move(copy=copy, amount=D(500), actor=user)
    copy_funds_move(copy=copy, amount=D(-1200), actor=user)
    for wrong in (D(-300), D(0), D("NaN")):
        with pytest.raises(InvalidInput):
            copy_funds_move(copy=copy, amount=wrong, actor=user)

    copy.refresh_from_db()
    assert (copy.allocated, copy.base_value, copy.peak_value) == (300, 300, 300)
    assert list(CopyFunds.objects.order_by("pk").values_list("amount", flat=True)) == [1000, 500, -1200]


def test_a_copy_of_the_whole_account_has_no_funds_to_move():
    copy = follow(watched())

    with pytest.raises(CopyConflict, match="whole account"):
        copy_funds_move(copy=copy, amount=D(1), actor=copy.account.user)


def test_what_a_watched_leader_holds_is_copied_where_one_wants_it():
    leader = watched()
    push(leader, did("OPEN_LONG", "0.2", ago=500), positions=[holds("0.2")])
    wanting, only_new = follow(leader, copy_open_positions=True), follow(leader)

    fan_out()

    assert (held(wanting), held(only_new)) == (D("0.2"), 0)
    assert decision(wanting).signal.source == "catch_up"


def test_what_a_stale_leader_held_is_not_copied(settings):
    leader = watched()
    push(leader, positions=[holds("0.2")], read=100)
    settings.LEADER_STALE_AFTER_SECONDS = 60
    copy = follow(leader, copy_open_positions=True)

    fan_out()

    assert held(copy) == 0


def test_what_a_master_holds_is_copied_once_and_closed_with_the_master():
    leader, account = make_master()
    trade(account, "BUY", "0.2")
    copy = follow(leader, copy_open_positions=True)

    settle()
    assert held(copy) == D("0.2")
    lead(account, "SELL", "0.1")
    assert held(copy) == D("0.1")
    lead(account, "SELL", "0.1")

    assert held(copy) == 0


def test_of_accounts_that_are_long_and_short_what_is_left_is_copied():
    leader, account = make_master()
    second = paper_account(account.user)
    LeaderAccount.objects.create(account=second, trader=leader)
    follow(leader)
    trade(account, "BUY", "1")
    trade(second, "SELL", "0.4")
    fan_out()
    copy = follow(leader, copy_open_positions=True)

    settle()
    assert (held(copy), held(copy, "SHORT"), CopyIntent.objects.filter(copy=copy).count()) == (D("0.6"), 0, 1)
    lead(second, "SELL", "0.3")

    assert held(copy) == D("0.3")


def test_what_a_master_holds_of_inverse_contracts_is_copied_in_contracts():
    market = make_market(venue="binancecoinm")
    price_is(market=market)
    leader, account = make_master(venue="binancecoinm", balance=100)
    trade(account, "BUY", 100)
    copy = follow(leader, paper_account(venue="binancecoinm", balance=100), copy_open_positions=True)

    settle()

    assert held(copy) == 100


def test_the_account_of_another_user_copies_only_for_its_owner():
    account = paper_account()

    copy = follow(watched(), account)

    assert TradingAccount.objects.get(copies=copy).user == account.user

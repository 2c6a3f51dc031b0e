"""What a venue says of an account is stored whole: what it no longer lists is gone, what failed is told."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from markets.venues.base import Credentials, Permissions
from markets.venues.errors import AuthFailed, NotSupported, RateLimited, VenueDown
from markets.venues.vocabulary import PositionSide
from orders.models import Balance, Credential, TradingAccount
from orders.services.accounts import UNCHECKED
from orders.services.credentials import credential_keep_unchecked
from orders.services.sync import account_sync, accounts_sync
from orders.tasks_accounts import sync_accounts
from orders.tests.fake_venue import fake_venue, make_position, make_report
from tests.factories import make_account, make_holding, make_market

pytestmark = pytest.mark.django_db
NO_WITHDRAWING_KEYS = Permissions(read=True, trade=True, withdraw=True)


def make_live(*, checked: bool = True, **values: Any) -> TradingAccount:
    account = make_account(mode="live", **values)
    credential_keep_unchecked(account=account, credentials=Credentials(f"key-of-account-{account.pk}", "secret"))
    if checked:
        Credential.objects.filter(account=account).update(can_trade=True, checked_at=timezone.now())
    return account


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def balances(account: TradingAccount) -> dict[str, Decimal]:
    return {row.asset: row.total for row in Balance.objects.filter(account=account)}


class TestStoring:
    def test_stores_balances_equity_and_mode(self):
        account = make_account()
        report = make_report(
            balances={"USDT": "1234.5", "BNB": "2"}, hedge_mode=True, equity=Decimal(1500), equity_asset="USDT"
        )
        with fake_venue(accounts={"": report}):
            synced = account_sync(account=account)
        assert balances(account) == {"USDT": Decimal("1234.5"), "BNB": Decimal(2)}
        assert (synced.hedge_mode, synced.equity, synced.equity_asset) == (True, Decimal(1500), "USDT")
        assert (synced.synced_at, synced.sync_error) == (report.time, "")

    def test_an_asset_that_the_venue_no_longer_lists_is_gone(self):
        account = make_account()
        for listed in ({"USDT": "1", "BNB": "2"}, {"USDT": "3"}):
            with fake_venue(accounts={"": make_report(balances=listed)}):
                account_sync(account=account)
        assert balances(account) == {"USDT": Decimal(3)}

    def test_an_account_that_has_nothing_has_no_balances(self):
        account = make_account()
        for listed in ({"USDT": "1"}, {}):
            with fake_venue(accounts={"": make_report(balances=listed)}):
                account_sync(account=account)
        assert balances(account) == {}

    def test_a_partial_report_takes_nothing_away(self):
        holding = make_holding()
        with fake_venue(accounts={"": make_report(positions=(make_position("0.01"),))}):
            account_sync(account=holding.account)
        with fake_venue(accounts={"": make_report(balances={"BNB": "1"}, complete=False)}):
            account_sync(account=holding.account)
        holding.refresh_from_db()
        assert set(balances(holding.account)) == {"USDT", "BNB"}
        assert holding.venue_quantity == Decimal("0.01")

    def test_an_older_report_that_comes_later_is_left_out(self):
        account, now = make_account(), timezone.now()
        for time, total in ((now, "2"), (now - timedelta(seconds=5), "1")):
            with fake_venue(accounts={"": make_report(time, balances={"USDT": total})}):
                account_sync(account=account)
        assert balances(account) == {"USDT": Decimal(2)}

    def test_holdings_get_the_venues_figures(self):
        holding = make_holding()
        position = make_position(
            "0.012", mark_price=Decimal("86500.5"), leverage=Decimal(20), liquidation_price=Decimal(81000)
        )
        report = make_report(positions=(position,))
        with fake_venue(accounts={"": report}):
            account_sync(account=holding.account)
        holding.refresh_from_db()
        assert (holding.venue_quantity, holding.mark_price) == (Decimal("0.012"), Decimal("86500.5"))
        assert (holding.leverage, holding.liquidation_price) == (Decimal(20), Decimal(81000))
        assert holding.venue_at == report.time
        assert holding.quantity == Decimal("0.01")

    def test_a_complete_report_without_a_position_says_that_the_venue_holds_nothing(self):
        holding = make_holding(venue_quantity=Decimal("0.01"), liquidation_price=Decimal(1))
        with fake_venue():
            account_sync(account=holding.account)
        holding.refresh_from_db()
        assert (holding.venue_quantity, holding.liquidation_price) == (Decimal(0), None)

    def test_in_hedge_mode_each_side_gets_its_own_figures(self):
        account = make_account()
        long = make_holding(account=account, side="LONG")
        short = make_holding(account=account, side="SHORT", quantity=Decimal("-0.02"))
        positions = (
            make_position("0.01", position_side=PositionSide.LONG),
            make_position("-0.02", position_side=PositionSide.SHORT),
        )
        with fake_venue(accounts={"": make_report(positions=positions, hedge_mode=True)}):
            account_sync(account=account)
        long.refresh_from_db()
        short.refresh_from_db()
        assert (long.venue_quantity, short.venue_quantity) == (Decimal("0.01"), Decimal("-0.02"))

    def test_spot_holdings_have_no_venue_figure(self):
        holding = make_holding(account=make_account(venue="binance"))
        with fake_venue(accounts={"": make_report(balances={"BTC": "1"})}):
            account_sync(account=holding.account)
        holding.refresh_from_db()
        assert holding.venue_quantity is None

    def test_takes_as_many_statements_for_one_account_as_for_twenty(self):
        accounts = [make_live() for _ in range(20)]
        for account in accounts:
            make_holding(account=account, market=make_market())
        report = make_report(positions=(make_position("0.01"),), balances={"USDT": "1", "BNB": "2"})
        with fake_venue(accounts={"": report}):
            with_one = statements(lambda: accounts_sync(accounts=accounts[:1]))
            assert statements(lambda: accounts_sync(accounts=accounts)) == with_one
        assert Balance.objects.count() == 40


class TestFailing:
    @pytest.mark.parametrize(
        ("failure", "words"),
        [
            (VenueDown("connection refused"), "connection refused"),
            (TimeoutError(), "did not answer in time"),
            (RateLimited("too many requests", until=timezone.now()), "too many requests"),
            (KeyError("totalWalletBalance"), "could not be read"),
        ],
    )
    def test_a_failure_is_told_and_takes_nothing_away(self, failure, words):
        account = make_account()
        with fake_venue():
            account_sync(account=account)
        with fake_venue(accounts={"": failure}):
            synced = account_sync(account=account)
        assert words in synced.sync_error
        assert synced.state == "active"
        assert balances(account) == {"USDT": Decimal(100)}

    def test_the_next_success_clears_the_error(self):
        account = make_account()
        for answer in (VenueDown("away"), make_report()):
            with fake_venue(accounts={"": answer}):
                synced = account_sync(account=account)
        assert synced.sync_error == ""

    def test_a_refused_key_stops_the_account_and_says_why(self):
        account = make_live()
        with fake_venue(accounts={"": AuthFailed("Invalid API-key, IP, or permissions for action.")}):
            synced = account_sync(account=account)
        assert (synced.state, synced.state_reason) == (
            "auth_failed",
            "Invalid API-key, IP, or permissions for action.",
        )

    def test_a_refused_key_leaves_a_paused_account_paused(self):
        with fake_venue(accounts={"": AuthFailed("no")}):
            assert account_sync(account=make_live(state="paused")).state == "paused"

    def test_one_account_that_fails_does_not_hold_up_the_others(self):
        good, bad = make_account(), make_account()
        with fake_venue(accounts={str(bad.key): VenueDown("away")}):
            assert accounts_sync(accounts=[good, bad]) == 1
        assert balances(good)
        assert not balances(bad)

    def test_a_live_account_without_a_key_asks_nobody(self):
        with fake_venue() as venue:
            synced = account_sync(account=make_account(mode="live"))
        assert "save one" in synced.sync_error
        assert not venue.asked

    def test_a_venue_that_was_taken_off_the_list_does_not_hold_up_the_others(self):
        good, orphan = make_account(), make_account(venue="mtgox")
        with fake_venue():
            assert accounts_sync(accounts=[good, orphan]) == 1
        orphan.refresh_from_db()
        assert "no longer knows the venue" in orphan.sync_error

    def test_a_key_that_was_saved_during_the_question_is_not_blamed_for_the_old_one(self):
        account = make_live()

        def saved_meanwhile() -> None:
            Credential.objects.update(updated_at=timezone.now())

        with fake_venue(accounts={"": AuthFailed("no")}), _before_storing(saved_meanwhile):
            synced = account_sync(account=account)
        assert (synced.state, synced.sync_error) == ("active", "")


class TestRights:
    def test_a_key_of_the_environment_trades_once_the_venue_has_said_what_it_may_do(self):
        account = make_live(checked=False, state="paused", state_reason=UNCHECKED)
        with fake_venue():
            synced = account_sync(account=account)
        assert (synced.state, synced.credential.can_trade) == ("active", True)
        assert synced.credential.checked_at is not None

    @pytest.mark.parametrize(
        ("rights", "words"),
        [
            (Permissions(read=True, trade=True, withdraw=True), "may withdraw money"),
            (Permissions(read=True, trade=False, withdraw=False), "may not trade"),
            (NotSupported("cannot"), "does not tell what a key may do"),
        ],
    )
    @pytest.mark.parametrize("state", ["active", "paused"])
    def test_a_key_with_wrong_rights_never_trades(self, rights, words, state):
        account = make_live(checked=False, state=state, state_reason=UNCHECKED if state == "paused" else "")
        with fake_venue(rights=rights):
            synced = account_sync(account=account)
        assert (synced.state, synced.credential.can_trade) == ("auth_failed", False)
        assert words in synced.state_reason

    def test_rights_are_asked_for_again_after_a_day(self):
        account = make_live()
        with fake_venue(rights=NO_WITHDRAWING_KEYS) as venue:
            assert account_sync(account=account).state == "active"
            assert [question for question, *_ in venue.asked] == ["account"]
            Credential.objects.update(checked_at=timezone.now() - timedelta(days=1, minutes=1))
            assert account_sync(account=account).state == "auth_failed"

    def test_what_its_owner_paused_stays_paused(self):
        account = make_live(checked=False, state="paused", state_reason="Paused by its owner")
        with fake_venue():
            assert account_sync(account=account).state == "paused"

    def test_each_account_speaks_with_its_own_key(self):
        accounts = [make_live() for _ in range(30)]
        with fake_venue() as venue:
            accounts_sync(accounts=accounts)
        used = {access.id: access.credentials.key for _, access in venue.asked}
        assert used == {str(account.key): f"key-of-account-{account.pk}" for account in accounts}


class TestSchedule:
    def test_syncs_what_trades_or_pauses_and_was_not_synced_just_now(self):
        due = [make_account(), make_account(state="paused")]
        make_account(state="closed"), make_account(state="auth_failed")
        make_account(synced_at=timezone.now())
        with fake_venue() as venue:
            sync_accounts()
        assert {access.id for _, access in venue.asked} == {str(account.key) for account in due}

    def test_goes_on_after_a_batch(self, monkeypatch):
        monkeypatch.setattr("orders.tasks_accounts.BATCH", 2)
        for _ in range(5):
            make_account()
        with fake_venue() as venue:
            sync_accounts()
        assert len(venue.asked) == 5


@pytest.mark.django_db(transaction=True)
def test_two_syncs_of_the_same_accounts_at_once_agree():
    accounts = [make_account() for _ in range(5)]
    report = make_report(balances={"USDT": "1", "BNB": "2", "BTC": "3"})

    def sync(order: list[TradingAccount]) -> None:
        accounts_sync(accounts=order)
        connection.close()

    with fake_venue(accounts={"": report}):
        threads = [threading.Thread(target=sync, args=(order,)) for order in (accounts, accounts[::-1]) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Balance.objects.count() == 15


def _before_storing(action: Callable[[], None]) -> Any:
    from unittest.mock import patch

    from orders.services import sync

    store = sync._store

    def wrapped(*arguments: Any) -> None:
        action()
        store(*arguments)

    return patch.object(sync, "_store", wrapped)

"""While orders or holdings are open, only a key of the same account at the venue takes the place of the stored one."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from copytrade.accounts.models import AuditEvent, User
from markets.venues.base import Credentials, Permissions
from orders.models import Credential, TradingAccount
from orders.services.accounts import AccountConflict
from orders.services.credentials import credential_keep_unchecked, key_fingerprint
from orders.services.sync import account_sync, accounts_sync
from orders.tests.fake_venue import fake_venue
from orders.vault import credentials_of
from tests.factories import make_account, make_holding, make_order, make_staff, make_user

pytestmark = pytest.mark.django_db
FIRST, SECOND = "the-first-key-1111", "the-second-key-2222"
OPEN = [{"holdings": 1, "open_orders": 0}, {"holdings": 0, "open_orders": 1}, {"holdings": 1, "open_orders": 2}]


@pytest.fixture
def owner(client: Client) -> User:
    user = make_user()
    client.force_login(user)
    return user


@pytest.fixture
def account(client: Client, owner: User) -> TradingAccount:
    """An account with a key of the venue's account 350000001."""
    account = make_account(user=owner, mode="live")
    assert put(client, account, FIRST).status_code == 200
    return account


def rights(venue_account: str) -> Permissions:
    return Permissions(read=True, trade=True, withdraw=False, venue_account=venue_account)


def put(client: Client, account: TradingAccount, key: str, *, of: str = "350000001") -> Any:
    with fake_venue(rights=rights(of)):
        path = f"/api/accounts/{account.pk}/credentials"
        return client.put(path, {"key": key, "secret": "secret"}, content_type="application/json")


def open_things(account: TradingAccount, *, holdings: int, open_orders: int) -> None:
    for _ in range(holdings):
        make_holding(account=account)
    for state in ("NEW", "UNKNOWN", "PENDING")[:open_orders]:
        make_order(account=account, state=state)


def stored(account: TradingAccount) -> tuple[str, str]:
    """Return the key of an account, and whose it is at the venue."""
    account.refresh_from_db()
    return credentials_of([account.pk])[account.pk].key, account.venue_account


@pytest.mark.parametrize("things", OPEN)
def test_another_key_of_the_same_account_takes_its_place_while_things_are_open(client, account, things):
    open_things(account, **things)
    assert put(client, account, SECOND).status_code == 200
    assert stored(account) == (SECOND, "350000001")


@pytest.mark.parametrize("things", OPEN)
def test_a_key_of_another_account_is_refused_while_things_are_open(client, account, things):
    open_things(account, **things)
    saved = AuditEvent.objects.filter(action="account.key.save").count()
    response = put(client, account, SECOND, of="350000002")

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["details"]) == (409, "CONFLICT", things)
    assert stored(account) == (FIRST, "350000001")
    assert AuditEvent.objects.filter(action="account.key.save").count() == saved


def test_the_refusal_says_what_to_do_and_names_no_account_of_the_venue(client, account):
    open_things(account, holdings=1, open_orders=2)
    response = put(client, account, SECOND, of="350000002")
    assert response.json()["error"]["message"] == (
        "This key is of another account at Binance USD-M futures than the one where this account has 2 open orders and "
        "1 holding: close them first, or open another account here for it."
    )
    assert "35000000" not in response.content.decode()


def test_where_nothing_is_open_a_key_of_another_account_is_taken_and_noted(client, account):
    make_holding(account=account, quantity=0)
    for state in ("FILLED", "CANCELED", "FAILED"):
        make_order(account=account, state=state)
    assert put(client, account, SECOND, of="350000002").status_code == 200
    assert stored(account) == (SECOND, "350000002")


def test_what_other_accounts_have_does_not_count(client, account):
    open_things(make_account(user=account.user), holdings=1, open_orders=1)
    assert put(client, account, SECOND, of="350000002").status_code == 200


def test_deleting_the_key_first_is_no_way_round_it(client, account):
    open_things(account, holdings=1, open_orders=0)
    client.delete(f"/api/accounts/{account.pk}/credentials")
    assert put(client, account, SECOND, of="350000002").status_code == 409
    assert put(client, account, SECOND).status_code == 200


def test_where_the_venue_does_not_tell_every_key_is_taken(client, account):
    open_things(account, holdings=1, open_orders=0)
    assert put(client, account, SECOND, of="").status_code == 200
    assert stored(account) == (SECOND, "350000001")


def test_a_key_of_before_the_venue_was_asked_for_it_is_noted_at_its_next_check(client, account):
    TradingAccount.objects.update(venue_account="")
    Credential.objects.update(checked_at=timezone.now() - timedelta(days=2))
    with fake_venue(rights=rights("350000001")):
        account_sync(account=account)
    assert stored(account) == (FIRST, "350000001")


def test_a_sync_that_does_not_ask_whose_the_key_is_changes_nothing(client, account):
    with fake_venue(rights=rights("350000002")) as venue:
        accounts_sync(accounts=[account])
    assert [question[0] for question in venue.asked] == ["account"]
    assert stored(account) == (FIRST, "350000001")


def test_a_name_that_is_longer_than_any_is_cut_and_still_tells_accounts_apart(client, account):
    assert put(client, account, SECOND, of="9" * 300).status_code == 200
    assert stored(account) == (SECOND, "9" * 64)


class TestUnasked:
    """A key of the environment is stored without asking the venue."""

    def test_it_takes_no_other_keys_place_while_things_are_open(self, account):
        open_things(account, holdings=1, open_orders=0)
        with pytest.raises(AccountConflict, match="has 1 holding. Save the key by the API"):
            credential_keep_unchecked(account=account, credentials=Credentials(SECOND, "secret"))
        assert stored(account) == (FIRST, "350000001")

    def test_the_same_key_may_have_another_secret(self, account):
        open_things(account, holdings=0, open_orders=1)
        credential_keep_unchecked(account=account, credentials=Credentials(FIRST, "another"))
        assert credentials_of([account.pk])[account.pk].secret == "another"

    def test_the_start_goes_on_and_the_log_says_why_the_key_is_not_used(self, settings, caplog):
        make_staff()
        settings.BINANCE_API_KEY, settings.BINANCE_API_SECRET = FIRST, "secret"
        call_command("bootstrap", stdout=StringIO())
        spot = TradingAccount.objects.get(venue="binance")
        open_things(spot, holdings=1, open_orders=0)
        settings.BINANCE_API_KEY = SECOND
        call_command("bootstrap", stdout=StringIO())
        assert "BINANCE_API_KEY is not used at Binance spot: This account has 1 holding." in caplog.text
        keys = {row.account.venue: row.fingerprint for row in Credential.objects.select_related("account")}
        second = key_fingerprint(SECOND)
        assert keys == {"binance": key_fingerprint(FIRST), "binanceusdm": second, "binancecoinm": second}

"""The Binance key of the environment becomes three accounts of the first administrator, once."""

import ast
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import call_command

from copytrade.accounts.models import AuditEvent, User
from markets.venues.base import Credentials, Permissions
from orders.models import Credential, TradingAccount
from orders.services.accounts import account_close
from orders.services.credentials import credential_keep_unchecked
from orders.services.sync import accounts_sync
from orders.tests.fake_venue import fake_venue
from orders.vault import credentials_of
from tests.factories import make_account, make_staff

pytestmark = pytest.mark.django_db
KEY = Credentials("key-of-the-environment-8xQ2", "its-secret")
VENUES = {"binance", "binanceusdm", "binancecoinm"}


@pytest.fixture(autouse=True)
def environment(settings: Any) -> None:
    settings.BINANCE_API_KEY, settings.BINANCE_API_SECRET = KEY.key, KEY.secret


def bootstrap() -> dict[str, Any]:
    output = StringIO()
    call_command("bootstrap", stdout=output)
    return dict(json.loads(output.getvalue()))


def test_the_first_administrator_gets_an_account_at_each_venue_with_the_sealed_key():
    told = bootstrap()
    accounts = {account.venue: account for account in TradingAccount.objects.all()}
    assert set(accounts) == VENUES
    assert set(told["binance_accounts"]) == {account.name for account in accounts.values()}
    administrator = User.objects.get()
    assert {(row.user, row.mode, row.live_enabled) for row in accounts.values()} == {(administrator, "live", False)}
    assert set(credentials_of([row.pk for row in accounts.values()]).values()) == {KEY}
    assert KEY.secret not in json.dumps(told) + json.dumps(list(AuditEvent.objects.values("target", "changes")))


def test_a_second_run_makes_and_changes_nothing():
    bootstrap()
    TradingAccount.objects.filter(venue="binance").update(name="Renamed", state="active")
    before = list(Credential.objects.order_by("pk").values_list("ciphertext", flat=True))
    assert "binance_accounts" not in bootstrap()
    assert TradingAccount.objects.count() == 3
    assert TradingAccount.objects.get(venue="binance").state == "active"
    assert list(Credential.objects.order_by("pk").values_list("ciphertext", flat=True)) == before


@pytest.mark.parametrize("missing", ["BINANCE_API_KEY", "BINANCE_API_SECRET"])
def test_without_key_or_secret_nothing_is_made(settings: Any, missing: str):
    setattr(settings, missing, "")
    assert "binance_accounts" not in bootstrap()
    assert not TradingAccount.objects.exists()


def test_they_are_live_at_once_where_the_installation_is(settings: Any):
    settings.LIVE_TRADING = True
    bootstrap()
    assert set(TradingAccount.objects.values_list("live_enabled", flat=True)) == {True}


def test_they_trade_only_after_the_venue_has_said_what_the_key_may_do():
    bootstrap()
    assert set(TradingAccount.objects.values_list("state", flat=True)) == {"paused"}
    with fake_venue():
        accounts_sync(accounts=list(TradingAccount.objects.all()))
    assert set(TradingAccount.objects.values_list("state", flat=True)) == {"active"}


def test_a_key_that_may_withdraw_never_trades():
    """PITFALLS 31."""
    bootstrap()
    with fake_venue(rights=Permissions(read=True, trade=True, withdraw=True)):
        accounts_sync(accounts=list(TradingAccount.objects.all()))
    assert set(TradingAccount.objects.values_list("state", flat=True)) == {"auth_failed"}


def test_another_key_in_the_environment_takes_the_old_ones_place_and_is_checked_anew(settings: Any):
    bootstrap()
    TradingAccount.objects.update(state="active", state_reason="")
    settings.BINANCE_API_KEY = "another-key-77zz"
    bootstrap()
    assert set(Credential.objects.values_list("key_hint", "checked_at")) == {("77zz", None)}
    assert set(TradingAccount.objects.values_list("state", flat=True)) == {"paused"}


@pytest.mark.parametrize(("key", "secret"), [("another-key-of-the-environment-8xQ2", "its-secret"), (KEY.key, "new")])
def test_another_key_is_told_by_all_of_it_and_not_by_its_end(settings: Any, key: str, secret: str):
    bootstrap()
    settings.BINANCE_API_KEY, settings.BINANCE_API_SECRET = key, secret
    bootstrap()
    accounts = TradingAccount.objects.values_list("pk", flat=True)
    assert list(credentials_of(list(accounts)).values()) == [Credentials(key, secret)] * 3


def test_a_key_that_somebodys_account_uses_is_left_there_and_the_start_goes_on(caplog: pytest.LogCaptureFixture):
    theirs = make_account(mode="live", venue="binance")
    credential_keep_unchecked(account=theirs, credentials=KEY)
    assert len(bootstrap()["binance_accounts"]) == 2
    assert list(TradingAccount.objects.filter(venue="binance")) == [theirs]
    assert "BINANCE_API_KEY is not used at Binance spot: Another account" in caplog.text


def test_what_its_owner_closed_stays_closed(settings: Any):
    bootstrap()
    spot = TradingAccount.objects.get(venue="binance")
    account_close(account=spot, actor=spot.user)
    settings.BINANCE_API_KEY = "another-key-77zz"
    bootstrap()
    spot.refresh_from_db()
    assert spot.state == "closed"
    assert not Credential.objects.filter(account=spot).exists()


def test_a_name_that_is_taken_does_not_stop_the_start():
    administrator = make_staff()
    make_account(user=administrator, name="Binance spot")
    assert "Binance spot (BINANCE_API_KEY)" in bootstrap()["binance_accounts"]


def test_nothing_but_this_reads_the_key_of_the_environment():
    """PITFALLS 31: keys in process-wide settings are how two users once traded one wallet."""
    root = Path(configured.BASE_DIR)
    apps = ("copytrade", "markets", "traders", "ingest", "orders", "replication")
    files = [file for app in apps for file in (root / app).rglob("*.py")]
    readers = {
        str(file.relative_to(root))
        for file in files
        if "tests" not in file.parts
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"BINANCE_API_KEY", "BINANCE_API_SECRET"}
    }
    assert readers == {"orders/services/environment.py"}

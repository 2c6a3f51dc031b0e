"""Keys, balances, positions and leverage, with a Binance on loopback."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from orders.models import Balance, Credential, Holding, TradingAccount
from orders.services.sync import account_sync, accounts_sync
from tests.factories import make_account, make_holding, make_market, make_user
from tests.simulators.binance import ApiAccount, BinanceSimulator

VENUES = ["binance", "binanceusdm", "binancecoinm"]


@pytest.fixture
def owner(client: Client, db: None) -> Any:
    user = make_user()
    client.force_login(user)
    return user


def save(client: Client, account: TradingAccount, key: ApiAccount, **changes: str) -> Any:
    body = {"key": key.key, "secret": key.secret, **changes}
    return client.put(f"/api/accounts/{account.pk}/credentials", body, content_type="application/json")


@pytest.mark.parametrize("venue", VENUES)
def test_a_key_is_checked_stored_and_used(client: Client, owner: Any, binance: BinanceSimulator, venue: str):
    key = binance.account(balances={"spot": {"USDT": "11"}, "usd_m": {"USDT": "22"}, "coin_m": {"BTC": "0.33"}})
    account = make_account(user=owner, mode="live", venue=venue)
    assert save(client, account, key).json()["data"]["hint"] == f"…{key.key[-4:]}"
    synced = account_sync(account=account)
    assert synced.sync_error == ""
    expected = {"binance": ("USDT", "11"), "binanceusdm": ("USDT", "22"), "binancecoinm": ("BTC", "0.33")}
    rows = [(row.asset, row.total) for row in Balance.objects.filter(account=account)]
    assert rows == [(expected[venue][0], Decimal(expected[venue][1]))]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("permissions", "status", "words"),
    [
        (["reading", "spot", "futures", "withdrawals"], 400, "may withdraw money"),
        (["reading"], 400, "may not trade"),
        (["spot", "futures"], 409, "refuses the key"),  # who may not read may not even ask that
    ],
)
def test_a_key_with_wrong_rights_is_refused(
    client: Client, owner: Any, binance: BinanceSimulator, venue: str, permissions: list[str], status: int, words: str
):
    key = binance.account(permissions=permissions)
    response = save(client, make_account(user=owner, mode="live", venue=venue), key)
    assert response.status_code == status, response.content
    assert words in response.json()["error"]["message"]
    assert not Credential.objects.exists()


def test_a_wrong_secret_is_refused_in_the_venues_words(client: Client, owner: Any, binance: BinanceSimulator):
    response = save(client, make_account(user=owner, mode="live"), binance.account(), secret="wrong")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (409, "VENUE_AUTH_FAILED")
    assert "wrong" not in str(error["details"])
    assert not Credential.objects.exists()


@pytest.mark.parametrize("venue", VENUES)
def test_a_key_of_another_account_is_known_by_what_the_spot_market_tells(
    client: Client, owner: Any, binance: BinanceSimulator, venue: str
):
    first, second = binance.account(), binance.account()
    account = make_account(user=owner, mode="live", venue=venue)
    assert save(client, account, first).status_code == 200
    make_holding(account=account)
    refused = save(client, account, second)
    assert (refused.status_code, refused.json()["error"]["details"]) == (409, {"open_orders": 0, "holdings": 1})
    account.refresh_from_db()
    assert account.venue_account == str(first.uid) != str(second.uid)


@pytest.mark.parametrize("kind", ["drop_before", "unavailable_503", "unknown_503", "garbage"])
def test_while_the_venue_fails_nothing_is_stored(client: Client, owner: Any, binance: BinanceSimulator, kind: str):
    key = binance.account()
    binance.fault(kind, path="/sapi/v1/account/apiRestrictions", count=None)
    response = save(client, make_account(user=owner, mode="live"), key)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "VENUE_UNAVAILABLE"), response.content
    assert not Credential.objects.exists()


def test_a_key_that_was_revoked_stops_the_account(client: Client, owner: Any, binance: BinanceSimulator):
    key = binance.account()
    account = make_account(user=owner, mode="live")
    save(client, account, key)
    binance.change_account(key.key, enabled=False)
    synced = account_sync(account=account)
    assert synced.state == "auth_failed"
    assert synced.state_reason


def test_leverage_and_positions_come_back_from_the_venue(client: Client, owner: Any, binance: BinanceSimulator):
    key = binance.account()
    account = make_account(user=owner, mode="live", live_enabled=True)
    save(client, account, key)
    make_holding(account=account, market=make_market())
    path = f"/api/accounts/{account.pk}/leverage"
    answer = client.post(path, {"symbol": "BTCUSDT", "leverage": 7}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    refused = client.post(path, {"symbol": "BTCUSDT", "leverage": 999}, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VENUE_REJECTED")
    account_sync(account=account)
    assert Holding.objects.get().venue_quantity == 0


@pytest.mark.django_db(transaction=True)
def test_two_users_never_speak_with_each_others_key(binance: BinanceSimulator):
    """PITFALLS 31: each of twenty accounts has a balance of its own at the venue, and that is the one that it gets."""
    accounts = {}
    for number in range(1, 21):
        user = make_user()
        client = Client()
        client.force_login(user)
        account = make_account(user=user, mode="live")
        key = binance.account(balances={"usd_m": {"USDT": str(number)}})
        assert save(client, account, key).status_code == 200
        accounts[account] = Decimal(number)

    def sync(rows: list[TradingAccount]) -> None:
        accounts_sync(accounts=rows)
        connection.close()

    rows = list(accounts)
    threads = [threading.Thread(target=sync, args=(part,)) for part in (rows[:10], rows[10:], rows[::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row.account: row.total for row in Balance.objects.select_related("account")} == accounts

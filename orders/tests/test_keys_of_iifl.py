"""Keys of IIFL: whose they are, how many accounts they serve, and what says nothing against them."""

from collections.abc import Iterator

import pytest
from django.test import Client

from markets.venues import registry
from orders.models import Credential, Mode, TradingAccount
from orders.services.sync import account_sync
from orders.vault import credentials_of
from tests.contract.benches.iifl import pointed_at
from tests.factories import make_account, make_holding, make_user
from tests.simulators.iifl import ApiAccount, IiflSimulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator, pointed_at(simulator):
        registry.adapters_close()
        yield simulator
        registry.adapters_close()


def live() -> TradingAccount:
    return make_account(user=make_user(), venue="iifl", mode=Mode.LIVE)


def put(account: TradingAccount, made: ApiAccount, passphrase: str = "") -> int:
    """Save a key by its owner; return the status of the answer."""
    client = Client()
    client.force_login(account.user)
    body = {"key": made.key, "secret": made.secret, "passphrase": passphrase}
    path = f"/api/accounts/{account.pk}/credentials"
    return client.put(path, body, content_type="application/json").status_code


def stored(account: TradingAccount) -> tuple[str, str]:
    """Return the key of an account, and whose it is at the venue."""
    account.refresh_from_db()
    return credentials_of([account.pk])[account.pk].key, account.venue_account


def test_a_key_of_another_client_is_refused_while_a_share_is_held(exchange: IiflSimulator) -> None:
    account, mine, other = live(), exchange.account(), exchange.account()
    assert put(account, mine) == 200
    make_holding(account=account)

    assert put(account, other) == 409
    assert stored(account) == (mine.key, mine.client)


def test_a_dealers_key_for_another_client_is_refused_while_a_share_is_held(exchange: IiflSimulator) -> None:
    account, made = live(), exchange.account(dealer=True, clients=2)
    assert put(account, made, made.client) == 200
    make_holding(account=account)

    assert put(account, made, f"{made.client[:-1]}B") == 409
    assert put(account, made, made.client) == 200
    assert stored(account) == (made.key, made.client)


def test_a_dealers_key_serves_an_account_for_each_client(exchange: IiflSimulator) -> None:
    made = exchange.account(dealer=True, clients=3)
    clients = [f"{made.client[:-1]}{letter}" for letter in "ABC"]
    accounts = [live() for _ in clients]

    assert [put(*each) for each in zip(accounts, [made] * 3, clients, strict=True)] == [200, 200, 200]
    assert [stored(account) for account in accounts] == [(made.key, client) for client in clients]


def test_one_client_is_traded_by_one_account(exchange: IiflSimulator) -> None:
    dealer, mine = exchange.account(dealer=True, clients=2), exchange.account()
    assert put(live(), dealer, dealer.client) == 200
    assert put(live(), mine) == 200

    assert put(live(), dealer, dealer.client) == 409
    assert [put(live(), mine, passphrase) for passphrase in ("", mine.client, "else")] == [409, 409, 409]


def test_a_key_of_before_the_venue_was_asked_for_its_client_is_shared_by_nobody(exchange: IiflSimulator) -> None:
    first, made = live(), exchange.account(dealer=True, clients=2)
    assert put(first, made, made.client) == 200
    TradingAccount.objects.update(venue_account="")

    assert put(live(), made, f"{made.client[:-1]}B") == 409
    assert put(first, made, made.client) == 200
    assert put(live(), made, f"{made.client[:-1]}B") == 200


def test_a_key_that_was_deleted_or_whose_account_was_closed_is_free_again(exchange: IiflSimulator) -> None:
    first, second, made = live(), live(), exchange.account()
    assert put(first, made) == 200
    Credential.objects.all().delete()
    assert put(second, made) == 200
    TradingAccount.objects.filter(pk=second.pk).update(state="closed")

    assert put(live(), made) == 200


def test_an_account_whose_login_somebody_ends_again_and_again_stays_active(exchange: IiflSimulator) -> None:
    account = live()
    assert put(account, exchange.account()) == 200
    exchange.fault("unauthorized", method="GET", count=2)
    account_sync(account=account)

    account.refresh_from_db()
    assert (account.state, bool(account.sync_error)) == ("active", True)

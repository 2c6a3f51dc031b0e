"""Keys of IIFL: one of another client takes no place while things are open."""

from collections.abc import Iterator

import pytest
from django.test import Client

from markets.venues import registry
from orders.models import Mode, TradingAccount
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

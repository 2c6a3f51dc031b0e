"""Whose account at IIFL a key is of."""

from collections.abc import Iterator

import pytest

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import access, venue_of
from markets.venues.base import AccountAccess, Venue
from tests.simulators.iifl import IiflSimulator


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        yield simulator


@pytest.fixture
def venue(exchange: IiflSimulator) -> Iterator[Venue]:
    with venue_of(exchange) as made:
        yield made


def owner(venue: Venue, account: AccountAccess) -> str:
    return loop.run(venue.permissions(account)).venue_account


def test_it_is_of_who_logs_in_whether_the_passphrase_names_them_or_not(exchange: IiflSimulator, venue: Venue) -> None:
    mine, other = exchange.account(), exchange.account()

    assert owner(venue, access(mine)) == owner(venue, access(mine, mine.client)) == mine.client
    assert owner(venue, access(other)) == other.client


def test_a_dealers_is_of_the_client_that_its_passphrase_names(exchange: IiflSimulator, venue: Venue) -> None:
    made = exchange.account(dealer=True, clients=2)
    clients = [made.client, f"{made.client[:-1]}B"]

    assert [owner(venue, access(made, client)) for client in clients] == clients

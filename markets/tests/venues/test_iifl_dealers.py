"""A dealer's token that ends while orders for many clients leave, from two processes."""

import asyncio
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import ORDERS, access, order, venue_of
from markets.venues.base import AccountAccess, OrderReport, Venue
from markets.venues.errors import Retryable
from tests.simulators.iifl import IiflSimulator

run = loop.run
LOGIN = "POST /interactive/user/session"
MANY = 20


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        client = redis.Redis.from_url(settings.REDIS_URL)
        for key in client.scan_iter("iifl:*"):
            client.delete(key)
        client.close()
        yield simulator


@pytest.fixture
def clients(exchange: IiflSimulator) -> list[AccountAccess]:
    made = exchange.account(dealer=True, clients=MANY)
    return [access(made, f"{made.client[:-1]}{chr(ord('A') + number)}") for number in range(MANY)]


def fan_out(venues: list[Venue], numbers: list[int], clients: list[AccountAccess]) -> dict[int, object]:
    """Return what comes of the orders of these numbers, all sent at once, in turn by each of some processes."""

    async def send() -> list[object]:
        requests = [order(client_order_id=f"copy{number}") for number in numbers]
        placed = [venues[n % len(venues)].place(clients[n], each) for n, each in zip(numbers, requests, strict=True)]
        return await asyncio.gather(*placed, return_exceptions=True)

    return dict(zip(numbers, run(send(), timeout=60), strict=True))


def test_there_is_one_new_login_and_one_order_for_each_client(
    exchange: IiflSimulator, clients: list[AccountAccess]
) -> None:
    exchange.fault("last_of_login", method="POST", path=ORDERS)
    with venue_of(exchange) as first, venue_of(exchange) as second:
        came = fan_out([first, second], list(range(MANY)), clients)
        again = [number for number, each in came.items() if isinstance(each, Retryable)]
        assert [number for number, each in came.items() if isinstance(each, OrderReport)] == sorted({*came} - {*again})
        assert all(isinstance(each, OrderReport) for each in fan_out([first, second], again, clients).values())

    assert again
    counts = exchange.counts()
    assert counts["requests"][LOGIN] == 2
    assert counts["identifiers"] == {f"copy{number}": 1 for number in range(MANY)}

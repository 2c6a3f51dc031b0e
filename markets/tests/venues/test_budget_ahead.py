"""Orders that go out together ask for their budget once, and a ban still stops those that have not left."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from markets.tests.venues.exchange import House
from markets.venues import budget as module
from markets.venues.budget import Budget
from markets.venues.budget_rules import Demand, Pool, Span
from markets.venues.errors import RateLimited, Retryable
from markets.venues.redis_scripts import Scripts
from tests.contract.bench import run

NOWHERE = "redis://127.0.0.1:1/0"
YEAR = timedelta(days=365)


def pool(limit: int = 100, *, orders: int = 1000) -> Pool:
    return Pool(f"test-{uuid4().hex}", Span(YEAR, limit), (Span(YEAR, orders),))


def order(account: str, weight: int = 1) -> Demand:
    return Demand(weight, urgent=True, account=account, places=True)


@pytest.fixture(params=["redis", "alone"])
def budget(request: pytest.FixtureRequest) -> Iterator[Budget]:
    """A budget with Redis, and one without."""
    made = Budget(settings.REDIS_URL if request.param == "redis" else NOWHERE)
    yield made
    run(made.close())


@pytest.fixture
def shared_budget() -> Iterator[Budget]:
    made = Budget(settings.REDIS_URL)
    yield made
    run(made.close())


def test_what_is_reserved_ahead_is_counted_once(budget: Budget) -> None:
    shared = pool(3)
    demands = [order("one"), order("two"), order("two")]
    run(budget.reserve_ahead(shared, demands))

    for demand in demands:
        run(budget.reserve(shared, demand))
    with pytest.raises(RateLimited):
        run(budget.reserve(shared, order("one")))


def test_what_is_reserved_ahead_costs_no_second_round_trip(
    shared_budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = pool(200)
    run(shared_budget.reserve_ahead(shared, [order(str(number)) for number in range(200)]))
    asked: list[object] = []
    monkeypatch.setattr(Scripts, "run", lambda *question: asked.append(question))

    for number in range(200):
        run(shared_budget.reserve(shared, order(str(number))))

    assert asked == []


def test_those_that_get_nothing_ahead_are_refused_when_they_ask(budget: Budget) -> None:
    shared = pool(2)
    demands = [order("one"), order("two"), order("three")]
    run(budget.reserve_ahead(shared, demands))

    run(budget.reserve(shared, demands[0]))
    run(budget.reserve(shared, demands[1]))
    with pytest.raises(RateLimited):
        run(budget.reserve(shared, demands[2]))


def test_an_account_that_placed_too_many_does_not_stop_the_others(budget: Budget) -> None:
    shared = pool(orders=1)
    run(budget.reserve(shared, order("one")))
    run(budget.reserve_ahead(shared, [order("one"), order("two")]))

    run(budget.reserve(shared, order("two")))
    with pytest.raises(Retryable):
        run(budget.reserve(shared, order("one")))


def test_a_ban_stops_those_that_were_promised_a_place(budget: Budget) -> None:
    shared = pool()
    run(budget.reserve_ahead(shared, [order("one"), order("two")]))
    run(budget.reserve(shared, order("one")))
    run(budget.ban(shared, datetime.now(UTC) + timedelta(minutes=1)))

    with pytest.raises(RateLimited):
        run(budget.reserve(shared, order("two")))


def test_an_account_that_was_told_to_wait_waits_whatever_it_was_promised(budget: Budget) -> None:
    shared = pool()
    run(budget.reserve_ahead(shared, [order("one"), order("two")]))
    run(budget.hold(shared, "one", datetime.now(UTC) + timedelta(minutes=1)))

    with pytest.raises(Retryable):
        run(budget.reserve(shared, order("one")))
    run(budget.reserve(shared, order("two")))


def test_a_promise_that_was_not_used_in_time_is_none(budget: Budget, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = pool(2)
    run(budget.reserve_ahead(shared, [order("one"), order("one")]))
    monkeypatch.setattr(module, "AHEAD_SECONDS", 0.0)

    with pytest.raises(RateLimited):
        run(budget.reserve(shared, order("one")))


def test_a_ban_on_the_way_stops_the_orders_of_all_accounts_at_binance(spot: House) -> None:
    requests = [spot.order() for _ in range(5)]
    items = [(spot.access, request) for request in requests]
    run(spot.adapter.expect(items))
    spot.place(requests[0])
    spot.exchange.ban(720, pool="spot")
    with pytest.raises(RateLimited):
        spot.place(requests[1])
    seen = spot.seen("POST /api/v3/order")

    for request in requests[2:]:
        with pytest.raises(RateLimited):
            spot.place(request)
    assert spot.seen("POST /api/v3/order") == seen

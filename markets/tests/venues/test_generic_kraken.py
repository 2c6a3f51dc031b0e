"""What is Kraken's own: numbered requests, orders by its own ids, client ids that may be used again."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from markets.venues.errors import OutcomeUnknown, Retryable
from markets.venues.generic.carrier import Turn
from markets.venues.vocabulary import VenueStatus
from tests.contract.bench import Desk, reference, run
from tests.contract.benches.generic import MARKETS, GenericBench, made_bench


@pytest.fixture
def bench() -> Iterator[Any]:
    with made_bench(next(market for market in MARKETS if market.slug == "kraken")) as made:
        yield made


@pytest.fixture
def desk(bench: GenericBench) -> Desk:
    return Desk(bench, bench.account())


def test_questions_and_orders_of_one_key_never_overtake_each_other(bench, desk):
    async def all_at_once() -> list[Any]:
        adapter = bench.adapter
        questions = [adapter.open_orders(desk.access) for _ in range(10)]
        return list(await asyncio.gather(*questions, *(adapter.place(desk.access, order) for order in orders)))

    orders = [desk.resting() for _ in range(10)]
    placed = run(all_at_once())[10:]

    assert [report.client_order_id for report in placed] == [order.client_order_id for order in orders]


def test_questions_that_used_up_what_an_account_may_ask_hold_up_none_of_its_orders(bench, desk):
    order = desk.resting()
    desk.query(order)

    async def ask_too_often() -> None:
        for _ in range(61):
            await bench.adapter.open_orders(desk.access)

    with pytest.raises(Retryable):
        run(ask_too_often())
    assert desk.place(order).status is VenueStatus.NEW
    assert Desk(bench, bench.account()).query(order) is None


def test_a_number_that_another_process_has_overtaken_sends_nothing(bench, desk):
    desk.place(desk.resting())
    (account,) = bench.exchange.exchange.accounts.values()
    account.number *= 2
    order = desk.resting()
    with pytest.raises(Retryable):
        desk.place(order)

    assert [each.client_order_id for each in account.orders.values()] == ["contract0001"]


def test_numbers_rise_even_where_the_clock_stands_still(monkeypatch):
    turn = Turn()
    monkeypatch.setattr("markets.venues.generic.carrier.time.time_ns", lambda: 5_000)

    assert [turn.number() for _ in range(3)] == [5, 6, 7]


def test_an_order_whose_own_id_is_known_is_asked_for_by_it(bench, desk):
    order = desk.resting()
    placed = desk.place(order)
    run(bench.adapter.query(desk.access, replace(reference(order), venue_order_id=placed.venue_order_id)))

    assert bench.exchange.requests["/0/private/OpenOrders"] == 0


def test_an_own_id_that_the_exchange_does_not_know_is_no_proof(bench, desk):
    order = desk.resting()
    desk.place(order)
    found = run(bench.adapter.query(desk.access, replace(reference(order), venue_order_id="O999-AAAAA-BBBBBB")))

    assert found
    assert found.client_order_id == order.client_order_id


def test_a_client_id_whose_order_has_ended_is_asked_for_before_it_is_used_again(bench, desk):
    order = desk.resting()
    desk.place(order)
    desk.cancel(order)
    bench.exchange.fault("drop_before")
    with pytest.raises(OutcomeUnknown):
        desk.place(order)

    known = desk.query(order)
    assert known
    assert known.status is VenueStatus.CANCELED


def test_fees_are_in_dollars_whatever_was_bought(bench, desk):
    placed = desk.place(desk.order())
    (fill,) = run(
        bench.adapter.fills(desk.access, bench.symbol, bench.kind, venue_order_id=placed.venue_order_id, since=None)
    )

    assert (fill.fee_asset, fill.fee > 0) == ("USD", True)

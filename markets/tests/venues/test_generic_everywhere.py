"""What holds at every exchange that is reached through ccxt, each before its simulator."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from markets.venues.base import AccountAccess, Credentials
from markets.venues.errors import AuthFailed, Rejected, RejectReason
from markets.venues.generic import connection
from markets.venues.vocabulary import MarketKind, VenueStatus
from tests.contract.bench import Desk, run
from tests.contract.benches.generic import MARKETS, GenericBench, Market, made_bench

MANY = 120  # more than any of these exchanges has on a page


def name_of(market: Market) -> str:
    return f"{market.slug}-{market.kind}"


CONTRACTS = [market for market in MARKETS if market.kind is not MarketKind.SPOT]
OF_CONTRACTS = pytest.mark.parametrize("bench", CONTRACTS, ids=name_of, indirect=True)


@pytest.fixture(params=MARKETS, ids=name_of)
def bench(request: pytest.FixtureRequest) -> Iterator[Any]:
    with made_bench(request.param) as made:
        yield made


@pytest.fixture
def desk(bench: GenericBench) -> Desk:
    return Desk(bench, bench.account())


def key_of(desk: Desk) -> str:
    assert desk.access.credentials
    return desk.access.credentials.key


def test_all_trades_of_an_order_are_told_however_many(bench, desk):
    step = desk.market().filters.quantity_step * 100
    order = desk.resting(quantity=step * MANY)
    placed = desk.place(order)
    bench.exchange.fill(key_of(desk), placed.venue_order_id, step, times=MANY)
    desk.place(desk.order())

    of_order = run(
        bench.adapter.fills(desk.access, bench.symbol, bench.kind, venue_order_id=placed.venue_order_id, since=None)
    )
    since = run(bench.adapter.fills(desk.access, bench.symbol, bench.kind, since=placed.time))
    assert [fill.quantity for fill in of_order] == [step] * MANY
    assert len({fill.venue_trade_id for fill in of_order}) == MANY
    assert set(of_order) < set(since)
    assert [fill.time for fill in since] == sorted(fill.time for fill in since)


def test_all_open_orders_are_told_however_many(bench, desk):
    rest = desk.resting()
    orders = [replace(rest, client_order_id=f"many{number}") for number in range(MANY)]
    bench.exchange.place(key_of(desk), bench.market.name, orders)

    found = run(bench.adapter.open_orders(desk.access))
    assert sorted(order.client_order_id for order in found) == sorted(order.client_order_id for order in orders)
    assert {(order.kind, order.symbol) for order in found} == {(bench.kind, bench.symbol)}


def test_a_wrong_secret_is_the_accounts_affair_alone(bench, desk):
    good = desk.access.credentials
    assert good
    forged, unknown = Credentials(good.key, "d3Jvbmc=", good.passphrase), Credentials("nobody", good.secret)
    for wrong in (forged, unknown, Credentials("", "")):
        with pytest.raises(AuthFailed):
            run(bench.adapter.place(AccountAccess("other", wrong), desk.order()))

    assert desk.place(desk.resting()).status is VenueStatus.NEW


@pytest.mark.parametrize("withdraws", [False, True])
def test_withdrawal_rights_are_seen(bench, withdraws):
    made = bench.exchange.account({"USDT": "1"}, withdraws=withdraws)
    access = AccountAccess("one", Credentials(made.key, made.secret, made.passphrase))
    permissions = run(bench.adapter.permissions(access))

    assert (permissions.read, permissions.trade, permissions.withdraw) == (True, True, withdraws)


def test_orders_of_one_account_that_are_sent_at_once_all_arrive(bench, desk):
    orders = [desk.resting() for _ in range(5)]

    async def at_once() -> list[Any]:
        return list(await asyncio.gather(*(bench.adapter.place(desk.access, order) for order in orders)))

    assert {placed.status for placed in run(at_once())} == {VenueStatus.NEW}
    assert len(run(bench.adapter.open_orders(desk.access))) == len(orders)


@OF_CONTRACTS
def test_the_leverage_of_contracts_can_be_set_again(bench, desk):
    for leverage in (5, 5, 3):
        run(bench.adapter.set_leverage(desk.access, bench.symbol, bench.kind, leverage))

    (account,) = bench.exchange.exchange.accounts.values()
    assert account.ledger.leverage_of(bench.symbol) == 3


@OF_CONTRACTS
def test_the_mark_price_of_contracts_is_told(bench):
    told = run(bench.adapter.mark_price(bench.symbol, bench.kind))

    assert Decimal(50000) in [Decimal(value) for name, value in told.items() if name in {"markPx", "markPrice"}]


@OF_CONTRACTS
def test_a_position_is_in_the_units_of_the_market(bench, desk):
    desk.place(desk.order(quantity=bench.quantity * 3))
    (held,) = run(bench.adapter.account(desk.access)).positions

    assert (held.symbol, held.quantity, held.margin_asset) == (
        bench.symbol,
        bench.quantity * 3,
        desk.market().margin_asset,
    )
    assert abs(held.entry_price / desk.price() - 1) < Decimal("0.001")


def test_a_client_order_id_that_the_exchange_does_not_take_is_not_sent(bench, desk):
    seen = bench.requests()
    with pytest.raises(Rejected) as refused:
        run(bench.adapter.place(desk.access, replace(desk.order(price=None), client_order_id="not an id")))

    assert refused.value.reason == RejectReason.BAD_PARAMETERS
    assert bench.requests() == seen


def test_followers_are_not_counted_against_each_other(bench):
    desks = [Desk(bench, bench.account()) for _ in range(45)]
    orders = [desk.order() for desk in desks]

    async def at_once() -> list[Any]:
        placing = (bench.adapter.place(desk.access, order) for desk, order in zip(desks, orders, strict=True))
        return list(await asyncio.gather(*placing))

    assert {placed.status for placed in run(at_once())} == {VenueStatus.FILLED}


def test_a_market_that_was_listed_since_is_found(bench, desk, monkeypatch):
    run(bench.adapter.markets())
    adapter, market = bench.adapter, run(bench.adapter.market(bench.symbol, bench.kind))
    del adapter.connection._template.markets_by_id[bench.symbol]
    with pytest.raises(Rejected):
        run(adapter.market(bench.symbol, bench.kind))

    monkeypatch.setattr(connection, "LISTED_SECONDS", 0)
    assert run(adapter.market(bench.symbol, bench.kind))["symbol"] == market["symbol"]

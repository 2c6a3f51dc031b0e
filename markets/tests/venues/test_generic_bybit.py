"""The generic adapter before a simulator of Bybit: digits, steps, pauses, keys."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from copytrade.lib import loop
from markets.venues.base import AccountAccess, Credentials, OrderReference, OrderReport, OrderRequest
from markets.venues.budget_rules import Demand
from markets.venues.deadline import sending_until
from markets.venues.errors import (
    AuthFailed,
    NotSupported,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
)
from markets.venues.generic.adapter import GenericVenue
from markets.venues.http import NoAnswerError
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, VenueStatus
from tests.simulators.bybit import BybitSimulator

CREATE = "/v5/order/create"


@pytest.fixture
def exchange() -> Iterator[BybitSimulator]:
    with BybitSimulator() as made:
        yield made


@pytest.fixture
def venue(exchange: BybitSimulator) -> Iterator[GenericVenue]:
    made = GenericVenue("bybit", address=exchange.url)
    yield made
    loop.run(made.close())


def run(work: Any) -> Any:
    return loop.run(work, timeout=20)


def access(exchange: BybitSimulator, **more: Any) -> AccountAccess:
    made = exchange.account({"USDT": "100000", "BTC": "1"}, **more)
    return AccountAccess("one", Credentials(made.key, made.secret))


def order(**changes: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "client_order_id": "abc",
        "symbol": "BTCUSDT",
        "kind": MarketKind.USD_M,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.010"),
        "price": Decimal("49000.5"),
        "time_in_force": TimeInForce.GTC,
    }
    return OrderRequest(**{**values, **changes})


def test_one_symbol_names_a_market_of_each_kind(exchange, venue):
    account = access(exchange)
    spot = order(client_order_id="spot", kind=MarketKind.SPOT)
    for request in (order(), spot):
        run(venue.place(account, request))

    kinds = {report.client_order_id: report.kind for report in run(venue.open_orders(account))}
    assert kinds == {"abc": MarketKind.USD_M, "spot": MarketKind.SPOT}
    assert {market.kind for market in run(venue.markets())} == {MarketKind.SPOT, MarketKind.USD_M}


def test_quantities_and_prices_go_out_in_their_own_digits(exchange, venue):
    placed = run(venue.place(access(exchange), order(quantity=Decimal("0.010"), price=Decimal("49000.50"))))

    assert (str(placed.quantity), str(placed.price)) == ("0.01", "49000.5")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": Decimal("0.0105")}, RejectReason.LOT_SIZE),
        ({"price": Decimal("49000.55")}, RejectReason.PRICE_FILTER),
        ({"symbol": "NOSUCHTHING"}, RejectReason.UNKNOWN_SYMBOL),
        ({"position_side": PositionSide.LONG}, RejectReason.POSITION_SIDE_MISMATCH),
        ({"price": None}, RejectReason.BAD_PARAMETERS),
        ({"client_order_id": "not an id"}, RejectReason.BAD_PARAMETERS),
        ({"time_in_force": TimeInForce.GTD}, RejectReason.BAD_PARAMETERS),
        ({"type": OrderType.STOP_LIMIT, "stop_price": Decimal(48_000)}, RejectReason.BAD_PARAMETERS),
        ({"quantity": None, "quote_quantity": Decimal(100)}, RejectReason.BAD_PARAMETERS),
    ],
)
def test_what_would_arrive_as_another_order_is_not_sent_at_all(exchange, venue, changes, reason):
    with pytest.raises(Rejected) as refused:
        run(venue.place(access(exchange), order(**changes)))

    assert refused.value.reason == reason
    assert exchange.requests[CREATE] == 0


def test_an_accepted_order_stands_even_where_nobody_can_look_at_it(exchange, venue):
    exchange.fault("timeout", path="/v5/order/realtime")
    placed = run(venue.place(access(exchange), order()))

    assert (placed.status, placed.client_order_id) == (VenueStatus.NEW, "abc")
    assert placed.venue_order_id


def test_an_address_that_was_banned_is_left_alone_by_everybody(exchange, venue):
    account = access(exchange)
    run(venue.place(account, order()))
    exchange.ban(660)
    with pytest.raises(RateLimited) as banned:
        run(venue.place(account, order(client_order_id="second")))
    assert banned.value.until > datetime.now(UTC) + timedelta(minutes=9)

    seen = sum(exchange.requests.values())
    other = GenericVenue("bybit", address=exchange.url)
    try:
        for call in (venue.open_orders(account), other.prices(MarketKind.USD_M, ["BTCUSDT"])):
            with pytest.raises(RateLimited):
                run(call)
    finally:
        run(other.close())
    assert sum(exchange.requests.values()) == seen


def test_questions_that_used_up_the_budget_hold_up_no_order(exchange, venue):
    account = access(exchange)
    run(venue.place(account, order(client_order_id="first")))
    pool = venue.connection._pool
    reads = Demand(weight=pool.weight.limit * 7 // 10)
    run(venue.connection.budget.reserve(pool, reads))
    with pytest.raises(RateLimited):
        run(ask_often(venue, account, pool.weight.limit))

    assert run(venue.place(account, order())).client_order_id == "abc"


async def ask_often(venue: GenericVenue, account: AccountAccess, times: int) -> None:
    for _ in range(times):
        await venue.open_orders(account)


def test_a_wrong_secret_is_the_accounts_affair_alone(exchange, venue):
    good = access(exchange)
    assert good.credentials
    wrong = replace(good, credentials=Credentials(good.credentials.key, "wrong"))
    for bad in (wrong, AccountAccess("none"), replace(good, credentials=Credentials("nobody", "x"))):
        with pytest.raises(AuthFailed):
            run(venue.place(bad, order()))

    assert run(venue.place(good, order())).status is VenueStatus.NEW


def test_accounts_trade_side_by_side_each_with_its_own_key(exchange, venue):
    accounts = [access(exchange) for _ in range(40)]

    async def all_at_once() -> list[OrderReport]:
        placing = [venue.place(account, order(price=Decimal(48_000))) for account in accounts]
        return list(await asyncio.gather(*placing))

    assert {report.status for report in run(all_at_once())} == {VenueStatus.NEW}
    assert [len(made.orders) for made in exchange.exchange.accounts.values()] == [1] * 40


def test_a_leverage_that_is_set_already_is_fine(exchange, venue):
    account = access(exchange)
    for leverage in (5, 5):
        run(venue.set_leverage(account, "BTCUSDT", MarketKind.USD_M, leverage))

    assert next(iter(exchange.exchange.accounts.values())).ledger.leverage_of("BTCUSDT") == 5


def test_a_cancellation_whose_answer_is_lost_is_unknown(exchange, venue):
    account, request = access(exchange), order()
    run(venue.place(account, request))
    exchange.fault("drop_after", path="/v5/order/cancel")
    reference = OrderReference(request.symbol, request.kind, request.type, request.client_order_id)
    with pytest.raises(OutcomeUnknown):
        run(venue.cancel(account, reference))
    assert run(venue.cancel(account, reference)).status is VenueStatus.CANCELED


def test_an_exchange_that_cannot_be_reached_has_placed_nothing():
    venue = GenericVenue("bybit", address="http://127.0.0.1:9")
    try:
        with pytest.raises(VenueDown):
            run(venue.place(AccountAccess("one", Credentials("key", "secret")), order()))
    finally:
        run(venue.close())


def test_the_mark_price_is_in_the_words_of_the_exchange(exchange, venue):
    assert run(venue.mark_price("BTCUSDT", MarketKind.USD_M))["markPrice"] == "50000"
    with pytest.raises(NotSupported):
        run(venue.mark_price("BTCUSDT", MarketKind.SPOT))


def test_a_slow_budget_delays_no_order_beyond_its_deadline(exchange, venue, monkeypatch):
    account = access(exchange)
    run(venue.query(account, OrderReference("BTCUSDT", MarketKind.USD_M, OrderType.LIMIT, "warm")))
    budget = venue.connection.budget
    reserve = budget.reserve

    async def slow(*asked):
        await asyncio.sleep(0.3)
        return await reserve(*asked)

    monkeypatch.setattr(budget, "reserve", slow)
    with sending_until(time.monotonic() + 0.1), pytest.raises(Retryable):
        run(venue.place(account, order()))
    assert exchange.requests[CREATE] == 0


def test_a_deadline_that_passes_once_something_was_sent_leaves_the_outcome_unknown(exchange, venue):
    account = access(exchange)
    carrier = run(venue.connection.private(account.credentials, places=True))
    with sending_until(time.monotonic()):
        with pytest.raises(Retryable):
            carrier.keep_deadline()
        carrier.has_written = True
        with pytest.raises(NoAnswerError):
            carrier.keep_deadline()


def test_an_order_that_was_accepted_is_looked_at_after_its_deadline(exchange, venue, monkeypatch):
    account = access(exchange)
    send, deadline = venue.connection.transport.send, 0.3

    async def late(method, url, **rest):
        answer = await send(method, url, **rest)
        if url.endswith(CREATE):
            await asyncio.sleep(deadline)
        return answer

    run(venue.markets())
    monkeypatch.setattr(venue.connection.transport, "send", late)
    with sending_until(time.monotonic() + deadline):
        placed = run(venue.place(account, order()))

    assert placed.raw.get("orderStatus") == "New"


def test_no_parameter_lets_an_order_be_sent_again_or_under_another_name(exchange, venue):
    exchange.fault("timeout", path=CREATE)
    extra = {"maxRetriesOnFailure": 3, "clientOrderId": "another"}
    with pytest.raises(OutcomeUnknown):
        run(venue.place(access(exchange), order(extra=extra)))

    assert exchange.requests[CREATE] == 1
    (account,) = exchange.exchange.accounts.values()
    assert [placed.client_order_id for placed in account.orders.values()] == ["abc"]


def test_what_exchanges_tell_too_differently_is_not_offered(venue):
    with pytest.raises(NotSupported):
        run(venue.open_interest("BTCUSDT", MarketKind.USD_M))
    with pytest.raises(NotSupported):
        run(venue.open_interest_history("BTCUSDT", MarketKind.USD_M, "5m", limit=1))
    with pytest.raises(NotSupported):
        venue.private_stream(AccountAccess("one"))
    with pytest.raises(NotSupported):
        venue.price_stream(MarketKind.USD_M, ["BTCUSDT"])
    with pytest.raises(NotSupported):
        run(venue.candles("BTCUSDT", MarketKind.USD_M, "7m", start=None, limit=1))

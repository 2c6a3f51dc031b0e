"""The events of Binance's user data streams, read from recorded ones."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from markets.venues.base import AccountReport, FillReport, OrderReport
from markets.venues.binance.events import Reader
from markets.venues.binance.prices import Quotes
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, VenueStatus
from tests.simulators.exchange.symbols import load

SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M


async def size_of(symbol: str) -> Decimal:
    return Decimal(100)


def reader(kind: MarketKind) -> Reader:
    return Reader(kind, size_of)


def read(events: Reader, event: dict[str, Any]) -> list[Any]:
    return asyncio.run(events.read(event))


def conditional(**changes: Any) -> dict[str, Any]:
    event = load("usdm_ws_algo_update_new")
    return {**event, "o": {**event["o"], **changes}}


def test_a_trade_on_futures_is_an_order_and_a_fill() -> None:
    order, fill = read(reader(USD_M), load("usdm_ws_order_update_trade"))

    assert isinstance(order, OrderReport)
    assert (order.client_order_id, order.status, order.average_price) == (
        "TEST",
        VenueStatus.PARTIALLY_FILLED,
        Decimal("7100.50"),
    )
    assert isinstance(fill, FillReport)
    assert (fill.venue_trade_id, fill.quantity, fill.quote_quantity) == (
        "12345678",
        Decimal("0.001"),
        Decimal("7.10050"),
    )
    assert (fill.fee, fill.fee_asset, fill.is_maker, fill.realized_pnl) == (
        Decimal("0.01"),
        "USDT",
        True,
        Decimal("12.34"),
    )
    assert fill.position_side == PositionSide.LONG


def test_contracts_that_trade_are_worth_their_size() -> None:
    event = load("usdm_ws_order_update_trade")
    event["o"].update(l="3", z="3", q="3", ma="BTC")
    order, fill = read(reader(COIN_M), event)

    assert (order.filled_quote, fill.quote_quantity) == (Decimal(300), Decimal(300))


def test_an_order_without_a_fee_yet_has_none() -> None:
    event = load("usdm_ws_order_update_trade")
    del event["o"]["n"], event["o"]["N"]
    _, fill = read(reader(USD_M), event)

    assert (fill.fee, fill.fee_asset) == (0, "")


def test_news_of_an_order_without_a_trade_is_no_fill() -> None:
    event = load("usdm_ws_order_update_trade")
    event["o"].update(x="NEW", X="NEW", l="0", z="0", L="0", t=0)

    assert [type(each) for each in read(reader(USD_M), event)] == [OrderReport]


def test_a_waiting_order_is_told() -> None:
    (order,) = read(reader(USD_M), conditional())

    assert (order.client_order_id, order.venue_order_id) == ("Q5xaq5EGKgXXa0fD7fs0Ip", "algo:2148719")
    assert (order.type, order.status, order.reason) == (OrderType.TAKE_PROFIT_LIMIT, VenueStatus.NEW, "")


def test_a_waiting_order_that_the_venue_could_not_place_says_why() -> None:
    (order,) = read(reader(USD_M), conditional(X="REJECTED", rm="Reduce Only reject"))

    assert (order.status, order.reason) == (VenueStatus.REJECTED, "Reduce Only reject")


def test_what_a_waiting_order_becomes_is_told_under_our_id() -> None:
    events = reader(USD_M)
    trade = load("usdm_ws_order_update_trade")
    trade["o"].update(i=99, c="an id of the venue's own")

    assert read(events, conditional(X="TRIGGERED", ai="99")) == []
    order, fill = read(events, trade)
    assert {order.client_order_id, fill.client_order_id} == {"Q5xaq5EGKgXXa0fD7fs0Ip"}


def test_changed_positions_are_told_and_balances_that_say_nothing_of_what_is_free_are_not() -> None:
    (report,) = read(reader(USD_M), load("usdm_ws_account_update"))

    assert isinstance(report, AccountReport)
    assert (report.complete, report.balances, report.hedge_mode) == (False, (), True)
    assert [(held.position_side, held.quantity) for held in report.positions] == [
        (PositionSide.BOTH, Decimal(0)),
        (PositionSide.LONG, Decimal(20)),
        (PositionSide.SHORT, Decimal(-10)),
    ]


def test_a_trade_on_spot_is_an_order_and_a_fill() -> None:
    order, fill = read(reader(SPOT), load("spot_ws_execution_report_trade"))

    assert (order.status, order.filled_quote, order.average_price) == (VenueStatus.FILLED, 2500, 2500)
    assert (fill.venue_trade_id, fill.quote_quantity, fill.fee_asset, fill.side) == ("98765432", 2500, "ETH", Side.BUY)


def test_a_cancel_on_spot_is_told_under_our_id() -> None:
    event = load("spot_ws_execution_report_trade")
    event.update(x="CANCELED", X="CANCELED", l="0", L="0", t=-1, n="0", N=None, c="the cancel's own", C="ours")
    (order,) = read(reader(SPOT), event)

    assert (order.client_order_id, order.status) == ("ours", VenueStatus.CANCELED)


def test_changed_balances_of_spot_are_told() -> None:
    (report,) = read(reader(SPOT), load("spot_ws_account_position"))

    assert not report.complete
    assert [(row.asset, row.total, row.free) for row in report.balances] == [("USDT", 12500, 10000), ("ETH", 5, 5)]


@pytest.mark.parametrize("event", [load("usdm_ws_trade_lite"), {"e": "MARGIN_CALL"}, {"e": None}, {}])
def test_events_about_other_things_are_passed_over(event: dict[str, Any]) -> None:
    assert read(reader(USD_M), event) == []


def test_prices_of_the_public_streams() -> None:
    quotes = Quotes(USD_M)
    book = quotes.read({"e": "bookTicker", "s": "BTCUSDT", "b": "1.5", "a": "1.6", "E": 1_789_478_303_000})
    mark = quotes.read({"e": "markPriceUpdate", "s": "BTCUSDT", "p": "1.55", "E": 1_789_478_303_000})

    assert book
    assert (book.bid, book.ask, book.mark) == (Decimal("1.5"), Decimal("1.6"), None)
    assert mark
    assert (mark.bid, mark.mark) == (None, Decimal("1.55"))
    assert quotes.read({"result": None, "id": 1}) is None

"""Paper orders that are refused: each with its reason, and nothing is changed."""

from dataclasses import replace

import pytest

from markets.tests.venues.paper_kit import (
    PLAIN,
    MarketKind,
    OrderType,
    PositionSide,
    TimeInForce,
    bitcoin,
    books,
    refusal,
    request,
    view,
)
from markets.venues.errors import Rejected
from markets.venues.paper.engine import place

SPOT, USD_M, COIN_M = bitcoin(MarketKind.SPOT), bitcoin(), bitcoin(MarketKind.COIN_M)


@pytest.mark.parametrize(
    ("market", "order", "reason"),
    [
        (SPOT, {"side": "BUY", "quantity": "0.3"}, "INSUFFICIENT_BALANCE"),
        (SPOT, {"side": "SELL", "quantity": "0.3"}, "INSUFFICIENT_BALANCE"),
        (SPOT, {"side": "BUY", "quantity": "0.3", "price": 40_000}, "INSUFFICIENT_BALANCE"),
        (USD_M, {"side": "BUY", "quantity": "2.1"}, "INSUFFICIENT_MARGIN"),
        (USD_M, {"side": "SELL", "quantity": "2.1"}, "INSUFFICIENT_MARGIN"),
        (COIN_M, {"side": "BUY", "quantity": "1"}, "INSUFFICIENT_MARGIN"),
        (USD_M, {"side": "BUY", "quantity": "0.1", "price": "50000.05"}, "PRICE_FILTER"),
        (USD_M, {"side": "BUY", "quantity": "0.1", "price": "60000"}, "PRICE_BAND"),
        (USD_M, {"side": "BUY", "quantity": "0.0001"}, "LOT_SIZE"),
        (USD_M, {"side": "BUY", "quantity": "0.1005"}, "LOT_SIZE"),
        (USD_M, {"side": "BUY", "quantity": "121"}, "LOT_SIZE"),
        (SPOT, {"side": "BUY", "quantity": "0.00009"}, "MIN_NOTIONAL"),
        (USD_M, {"side": "SELL", "quantity": "0.1", "reduce_only": True}, "REDUCE_ONLY_REFUSED"),
        (USD_M, {"side": "BUY", "quantity": "0.1", "position_side": PositionSide.LONG}, "POSITION_SIDE_MISMATCH"),
        (
            USD_M,
            {"side": "BUY", "quantity": "0.1", "price": 50_000, "time_in_force": TimeInForce.GTX},
            "POST_ONLY_WOULD_TAKE",
        ),
        (
            USD_M,
            {"side": "SELL", "quantity": "0.1", "type": OrderType.STOP_MARKET, "stop_price": 51_000},
            "WOULD_TRIGGER",
        ),
        (
            USD_M,
            {"side": "SELL", "quantity": "0.1", "type": OrderType.TAKE_PROFIT_MARKET, "stop_price": 49_000},
            "WOULD_TRIGGER",
        ),
        (USD_M, {"side": "BUY"}, "BAD_PARAMETERS"),
        (USD_M, {"side": "BUY", "quantity": "0"}, "BAD_PARAMETERS"),
        (USD_M, {"side": "BUY", "quantity": "NaN"}, "BAD_PARAMETERS"),
        (USD_M, {"side": "BUY", "quote_quantity": "100"}, "BAD_PARAMETERS"),
        (USD_M, {"side": "BUY", "quantity": "1", "type": OrderType.LIMIT}, "BAD_PARAMETERS"),
        (USD_M, {"side": "BUY", "quantity": "1", "type": OrderType.STOP_MARKET}, "BAD_PARAMETERS"),
        (USD_M, {"side": "BUY", "quantity": "1", "type": OrderType.TRAILING_STOP_MARKET}, "BAD_PARAMETERS"),
        (USD_M, {"side": "SELL", "quantity": "1", "close_position": True}, "BAD_PARAMETERS"),
        (SPOT, {"side": "SELL", "quantity": "1", "reduce_only": True}, "BAD_PARAMETERS"),
    ],
)
def test_what_is_refused_has_a_reason_and_changes_nothing(market, order, reason):
    ledger = books(BTC="0.0001")
    before = ledger.copy()

    assert refusal(ledger, request(market, **order), view(market, 50_000)) == reason
    assert ledger == before


STOP = {"side": "SELL", "type": OrderType.STOP_MARKET, "stop_price": 49_000}


@pytest.mark.parametrize(
    ("market", "order", "words"),
    [
        (USD_M, {"side": "SELL", "quantity": "1", "price": 60_000, "time_in_force": TimeInForce.GTD}, "not supported"),
        (USD_M, {**STOP, "quantity": "1", "type": OrderType.TRAILING_STOP_MARKET}, "not supported"),
        (USD_M, {**STOP, "close_position": True, "quantity": "1"}, "closePosition goes with"),
        (USD_M, {**STOP, "close_position": True, "reduce_only": True}, "closePosition goes with"),
        (
            USD_M,
            {**STOP, "close_position": True, "type": OrderType.STOP_LIMIT, "price": 49_000},
            "closePosition goes with",
        ),
        (SPOT, {"side": "BUY", "quote_quantity": "100", "price": 40_000}, "market orders on spot"),
        (SPOT, {**STOP, "close_position": True}, "Spot has no positions"),
        (SPOT, {"side": "SELL", "quantity": "1", "position_side": PositionSide.LONG}, "Spot has no positions"),
        (SPOT, {"side": "SELL", "quantity": "1", "reduce_only": True}, "Spot has no positions"),
        (USD_M, {"side": "BUY", "quantity": "0.1", "price": "-1"}, "greater than zero"),
        (USD_M, {"side": "BUY", "quantity": "0.1", "price": "Infinity"}, "greater than zero"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(market, order, words):
    with pytest.raises(Rejected, match=words):
        place(books(BTC=1), request(market, **order), view(market, 50_000), PLAIN)


def test_a_position_elsewhere_does_not_tell_the_mode_of_this_one():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    ledger.hedge_mode = True
    ether = replace(USD_M, symbol="ETHUSDT")
    order = request(ether, "BUY", "0.1", position_side=PositionSide.LONG)

    assert place(ledger, order, view(ether, 50_000), PLAIN).trades


def test_a_stop_is_worth_what_it_would_trade_at():
    assert refusal(books(), request(USD_M, "SELL", "0.001", **_stop_at(600)), view(USD_M, 80_000)) == "MIN_NOTIONAL"


def _stop_at(price):
    return {"type": OrderType.STOP_MARKET, "stop_price": price}


def test_a_market_that_is_closed_refuses_everything():
    closed = bitcoin(trading=False)

    assert refusal(books(), request(closed, "BUY", "0.1"), view(closed, 50_000)) == "MARKET_CLOSED"


def test_a_hedge_that_is_not_there_cannot_be_closed():
    order = request(USD_M, "SELL", "0.1", position_side=PositionSide.LONG)

    assert refusal(books(hedge_mode=True), order, view(USD_M, 50_000)) == "REDUCE_ONLY_REFUSED"


def test_a_mode_cannot_change_while_a_position_of_the_other_one_is_open():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    ledger.hedge_mode = True
    order = request(USD_M, "BUY", "0.1", position_side=PositionSide.LONG)

    assert refusal(ledger, order, view(USD_M, 50_000)) == "POSITION_SIDE_MISMATCH"

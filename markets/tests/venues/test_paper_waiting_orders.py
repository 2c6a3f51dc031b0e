"""Waiting paper orders: limits that fill, stops that trigger, and accounts that run out of margin."""

from dataclasses import replace
from typing import Any

import pytest

from markets.tests.venues.paper_kit import (
    PLAIN,
    D,
    MarketKind,
    OrderType,
    PositionSide,
    TimeInForce,
    VenueStatus,
    bitcoin,
    books,
    later,
    request,
    view,
)
from markets.venues.base import MarketSpec
from markets.venues.paper.engine import Outcome, place
from markets.venues.paper.facts import Ledger, MarketKey, PositionKey
from markets.venues.paper.matching import is_broke, liquidate, work
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import WorkingType

SPOT, USD_M, COIN_M = bitcoin(MarketKind.SPOT), bitcoin(), bitcoin(MarketKind.COIN_M)
KEY = MarketKey(MarketKind.USD_M, "BTCUSDT")
LONG = PositionKey(MarketKind.USD_M, "BTCUSDT", PositionSide.BOTH)


def placed(
    ledger: Ledger, market: MarketSpec, side: str, quantity: Any, at: Any = 50_000, terms: Terms = PLAIN, **values: Any
) -> Outcome:
    return place(ledger, request(market, side, quantity, **values), view(market, at), terms)


def long_books(quantity: str = "0.1", **values: Any) -> Ledger:
    return placed(books(**values), USD_M, "BUY", quantity).ledger


def test_a_resting_order_fills_at_its_own_price_as_maker_once_the_market_comes():
    resting = placed(books(), USD_M, "BUY", "0.1", price=49_000)

    above = work(resting.ledger, resting.order, view(USD_M, 49_100), PLAIN)
    below = work(resting.ledger, resting.order, view(USD_M, 48_000, now=later()), PLAIN)

    assert above.order == resting.order
    assert below.trades[0].price == 49_000
    assert below.trades[0].is_maker
    assert below.trades[0].fee == D("0.98")
    assert below.order.status is VenueStatus.FILLED
    assert below.ledger.balance("USDT").locked == 0
    assert below.ledger.positions[LONG].quantity == D("0.1")


def test_a_resting_buyer_waits_for_the_ask_and_not_for_the_last_trade():
    resting = placed(books(), USD_M, "BUY", "0.1", price=49_000)

    waiting = work(resting.ledger, resting.order, view(USD_M, 48_900, ask=D(49_010)), PLAIN)

    assert waiting.order.status is VenueStatus.NEW


def test_a_large_resting_order_fills_a_part_at_each_price_until_it_is_filled():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    at = placed(books(), SPOT, "BUY", "0.2", price=49_000, terms=terms)
    while at.order.is_open:
        before, at = at, work(at.ledger, at.order, view(SPOT, 49_000), terms)
        assert at.order.trades == before.order.trades + 1

    assert at.order.filled_quantity == D("0.2")
    assert at.order.trades > 1
    assert at.ledger.balance("USDT").locked == 0
    assert at.ledger.balance("USDT").total == 200


def test_an_order_that_was_filled_in_part_keeps_locked_what_the_rest_needs():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    for market, leverage in ((SPOT, 1), (USD_M, 10)):
        resting = placed(books(), market, "BUY", "0.2", price=49_000, terms=terms)
        part = work(resting.ledger, resting.order, view(market, 49_000), terms)

        assert part.order.status is VenueStatus.PARTIALLY_FILLED
        assert part.order.reserved == part.order.remaining * 49_000 / leverage
        assert part.ledger.balance("USDT").locked == part.order.reserved


@pytest.mark.parametrize(
    ("order_type", "side", "stop", "waits_at", "fires_at"),
    [
        (OrderType.STOP_MARKET, "SELL", 49_000, 49_001, 49_000),
        (OrderType.STOP_MARKET, "BUY", 51_000, 50_999, 51_000),
        (OrderType.TAKE_PROFIT_MARKET, "SELL", 51_000, 50_999, 51_000),
        (OrderType.TAKE_PROFIT_MARKET, "BUY", 49_000, 49_001, 49_000),
    ],
)
def test_a_stop_runs_with_the_market_and_a_take_profit_against_it(order_type, side, stop, waits_at, fires_at):
    waiting = placed(books(), USD_M, side, "0.1", type=order_type, stop_price=stop)
    assert waiting.order.status is VenueStatus.NEW

    assert work(waiting.ledger, waiting.order, view(USD_M, waits_at), PLAIN).order == waiting.order
    fired = work(waiting.ledger, waiting.order, view(USD_M, fires_at), PLAIN)

    assert fired.order.triggered
    assert fired.order.status is VenueStatus.FILLED
    assert not fired.trades[0].is_maker


def test_a_stop_limit_becomes_a_limit_order_that_may_wait_again():
    waiting = placed(books(), USD_M, "SELL", "0.1", type=OrderType.STOP_LIMIT, stop_price=49_000, price=49_500)

    live = work(waiting.ledger, waiting.order, view(USD_M, 48_000), PLAIN)
    filled = work(live.ledger, live.order, view(USD_M, 49_600), PLAIN)

    assert live.order.triggered
    assert live.order.status is VenueStatus.NEW
    assert live.order.reserved == 495
    assert filled.trades[0].price == 49_500


def test_a_stop_on_spot_locks_its_coins_and_sells_them():
    waiting = placed(books("BTC", 1), SPOT, "SELL", "0.5", type=OrderType.STOP_MARKET, stop_price=49_000)
    assert waiting.ledger.balance("BTC").free == D("0.5")

    fired = work(waiting.ledger, waiting.order, view(SPOT, 48_000), PLAIN)

    assert fired.ledger.balance("BTC").free == D("0.5")
    assert fired.ledger.balance("USDT").total == 23_976


def test_a_stop_may_look_at_the_mark_price_only():
    ledger = long_books()
    stop: dict[str, Any] = {"type": OrderType.STOP_MARKET, "stop_price": 49_000, "working_type": WorkingType.MARK_PRICE}
    waiting = placed(ledger, USD_M, "SELL", "0.1", **stop)

    assert not work(ledger, waiting.order, view(USD_M, 48_000, mark=D(49_500)), PLAIN).trades
    assert work(ledger, waiting.order, view(USD_M, 49_500, mark=D(48_900)), PLAIN).trades


def test_price_protection_keeps_a_stop_from_firing_at_a_price_far_from_the_mark():
    stop: dict[str, Any] = {"type": OrderType.STOP_MARKET, "stop_price": 49_000, "price_protect": True}
    waiting = placed(long_books(), USD_M, "SELL", "0.1", **stop)

    assert not work(waiting.ledger, waiting.order, view(USD_M, 40_000, mark=D(50_000)), PLAIN).trades
    assert work(waiting.ledger, waiting.order, view(USD_M, 48_000, mark=D(50_000)), PLAIN).trades


def test_a_stop_that_closes_the_position_takes_its_size_when_it_fires():
    stop: dict[str, Any] = {"type": OrderType.STOP_MARKET, "stop_price": 49_000, "close_position": True}
    waiting = placed(long_books(), USD_M, "SELL", None, **stop)
    grown = placed(waiting.ledger, USD_M, "BUY", "0.05").ledger

    fired = work(grown, waiting.order, view(USD_M, 48_000), PLAIN)

    assert fired.order.quantity == fired.order.filled_quantity == D("0.15")
    assert fired.ledger.positions == {}


def test_what_only_reduces_expires_when_nothing_is_left_to_reduce():
    ledger = long_books()
    limit = placed(ledger, USD_M, "SELL", "0.1", price=51_000, reduce_only=True)
    stop = placed(ledger, USD_M, "SELL", "0.1", type=OrderType.STOP_MARKET, stop_price=49_000, reduce_only=True)
    flat = placed(ledger, USD_M, "SELL", "0.1").ledger

    for order, price in ((limit.order, 52_000), (stop.order, 48_000)):
        ended = work(flat, order, view(USD_M, price), PLAIN)
        assert (ended.order.status, ended.order.reason) == (VenueStatus.EXPIRED, "REDUCE_ONLY_REFUSED")
        assert ended.trades == ()


@pytest.mark.parametrize(("held", "filled"), [("0.04", "0.04"), ("0.1", "0.1"), ("0.2", "0.1")])
@pytest.mark.parametrize("kind", [{"price": 51_000}, {"type": OrderType.TAKE_PROFIT_MARKET, "stop_price": 51_000}])
def test_what_only_reduces_closes_no_more_than_it_says_and_than_is_held(held, filled, kind):
    waiting = placed(long_books("0.2"), USD_M, "SELL", "0.1", reduce_only=True, **kind).order
    left = long_books(held)

    outcome = work(left, waiting, view(USD_M, 52_000), PLAIN)

    assert [trade.quantity for trade in outcome.trades] == [D(filled)]


def test_what_is_locked_for_an_order_pays_for_it_whatever_was_lost_meanwhile():
    resting = placed(long_books("1"), USD_M, "BUY", "0.5", price=45_000)
    at = view(USD_M, 45_000)
    assert resting.ledger.available("USDT", at.marks) < 0

    assert work(resting.ledger, resting.order, at, PLAIN).order.status is VenueStatus.FILLED


def test_nothing_happens_without_a_price_in_a_closed_market_or_to_an_order_that_is_over():
    resting = placed(books(), USD_M, "BUY", "0.1", price=49_000)
    at, over = view(USD_M, 48_000), replace(resting.order, status=VenueStatus.CANCELED)
    closed = replace(at, market=replace(USD_M, trading=False))
    nothing = replace(at, price=None)
    unpriced = view(USD_M, 48_000, last=None, mark=None, bid=D(48_000))  # which a buyer cannot take

    for order, moment in ((resting.order, closed), (resting.order, nothing), (resting.order, unpriced), (over, at)):
        outcome = work(resting.ledger, order, moment, PLAIN)
        assert (outcome.order, outcome.trades) == (order, ())


def test_a_stop_without_the_margin_to_fill_expires():
    waiting = placed(books(), USD_M, "BUY", "1.9", type=OrderType.STOP_MARKET, stop_price=51_000)
    busy = placed(waiting.ledger, USD_M, "BUY", "1.0").ledger

    ended = work(busy, waiting.order, view(USD_M, 51_000), PLAIN)

    assert (ended.order.status, ended.order.reason) == (VenueStatus.EXPIRED, "INSUFFICIENT_MARGIN")
    assert ended.ledger.positions == busy.positions


def test_an_order_that_was_to_close_needs_margin_once_it_would_open():
    ledger = long_books("1", leverage=10)
    selling = placed(ledger, USD_M, "SELL", "1", price=51_000)
    assert selling.order.reserved == 0
    poor = placed(selling.ledger, USD_M, "SELL", "1", at=41_000).ledger

    ended = work(poor, selling.order, view(USD_M, 51_000), PLAIN)

    assert (ended.order.status, ended.order.reason) == (VenueStatus.EXPIRED, "INSUFFICIENT_MARGIN")


def test_a_post_only_stop_that_would_take_expires():
    stop: dict[str, Any] = {
        "type": OrderType.STOP_LIMIT,
        "stop_price": 49_000,
        "price": 47_000,
        "time_in_force": TimeInForce.GTX,
    }
    waiting = placed(long_books(), USD_M, "SELL", "0.1", **stop)

    ended = work(waiting.ledger, waiting.order, view(USD_M, 48_900), PLAIN)

    assert (ended.order.status, ended.order.reason) == (VenueStatus.EXPIRED, "POST_ONLY_WOULD_TAKE")
    taker = replace(waiting.order, time_in_force=TimeInForce.GTC)
    assert work(waiting.ledger, taker, view(USD_M, 48_900), PLAIN).order.status is VenueStatus.FILLED
    patient = replace(waiting.order, price=D(49_500))
    assert work(waiting.ledger, patient, view(USD_M, 48_900), PLAIN).order.status is VenueStatus.NEW


def test_an_account_is_broke_once_equity_falls_to_the_maintenance_margin():
    ledger = long_books("1.9", amount=10_000)
    terms = replace(PLAIN, maintenance=D("0.01"))

    assert not is_broke(ledger, "USDT", {KEY: D("46000")}, terms)
    assert is_broke(ledger, "USDT", {KEY: D("45200")}, terms)
    assert not is_broke(ledger, "USDT", {}, terms)


def test_a_short_account_is_broke_as_prices_rise():
    ledger = placed(books(), USD_M, "SELL", "1.9").ledger
    terms = replace(PLAIN, maintenance=D("0.01"))

    assert not is_broke(ledger, "USDT", {KEY: D(54_000)}, terms)
    assert is_broke(ledger, "USDT", {KEY: D(54_800)}, terms)


def test_who_holds_nothing_is_not_broke_and_one_price_that_is_missing_saves_all():
    assert not is_broke(books(amount=0), "USDT", {}, PLAIN)
    ether = replace(USD_M, symbol="ETHUSDT")
    ledger = placed(long_books("0.1"), ether, "BUY", "0.1").ledger
    marks = {KEY: D(1), MarketKey(MarketKind.USD_M, "ETHUSDT"): D(1)}

    assert is_broke(ledger, "USDT", marks, PLAIN)
    for missing in marks:
        assert not is_broke(ledger, "USDT", {key: mark for key, mark in marks.items() if key != missing}, PLAIN)


def test_a_liquidation_ends_what_needs_its_asset_or_its_markets_and_leaves_the_rest():
    ledger = placed(books(BTC=1), USD_M, "SELL", "1.9").ledger
    elsewhere = placed(ledger, COIN_M, "BUY", 1, price=40_000, client_order_id="elsewhere")
    other = placed(
        elsewhere.ledger, replace(USD_M, symbol="ETHUSDT"), "BUY", "0.01", price=40_000, client_order_id="other"
    )
    stop: dict[str, Any] = {"type": OrderType.STOP_MARKET, "stop_price": 60_000, "reduce_only": True}
    waiting = placed(other.ledger, USD_M, "BUY", "1.9", client_order_id="stop", **stop)
    orders = [each.order for each in (elsewhere, other, waiting)]

    result = liquidate(waiting.ledger, "USDT", orders, {KEY: view(USD_M, 56_000)}, PLAIN)

    *ended, closing = result.orders
    assert [order.client_order_id for order in ended] == ["other", "stop"]
    assert (closing.side, closing.quantity, closing.reduce_only) == ("BUY", D("1.9"), True)
    assert [(trade.is_maker, trade.fee) for trade in result.trades] == [(False, D("42.56"))]
    assert result.ledger.balance("BTC").locked > 0


def test_a_liquidation_ends_the_orders_closes_the_positions_and_leaves_no_debt():
    ledger = long_books("1.9", amount=10_000)
    resting = placed(ledger, USD_M, "SELL", "2.0", price=52_000, at=51_000)
    crash = view(USD_M, 40_000, now=later())

    result = liquidate(resting.ledger, "USDT", [resting.order], {KEY: crash}, PLAIN)

    ended, closing = result.orders
    assert (ended.client_order_id, ended.status) == ("one", VenueStatus.EXPIRED)
    assert ended.reserved == 0
    assert closing.client_order_id.startswith("autoclose-")
    assert closing.status is VenueStatus.FILLED
    assert sum(trade.quantity for trade in result.trades) == D("1.9")
    assert result.ledger.positions == {}
    assert result.ledger.balance("USDT") == replace(result.ledger.balance("USDT"), total=D(0), locked=D(0))
    assert result.ledger.forgiven["USDT"] > 9_000


def test_an_inverse_short_gains_from_falling_prices_and_is_liquidated_by_rising_ones():
    ledger = placed(books("BTC", "0.1"), COIN_M, "SELL", 400).ledger
    key = MarketKey(MarketKind.COIN_M, "BTCUSD_PERP")

    assert ledger.unrealized("BTC", {key: D(40_000)}) == D("0.2")
    assert not is_broke(ledger, "BTC", {key: D(40_000)}, PLAIN)
    assert is_broke(ledger, "BTC", {key: D(58_000)}, PLAIN)

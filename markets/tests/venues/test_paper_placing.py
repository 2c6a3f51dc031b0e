"""Placing paper orders: what trades at once, at which price, for which fee."""

from dataclasses import replace

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
    refusal,
    request,
    view,
)
from markets.venues.errors import Rejected
from markets.venues.paper.engine import cancel, place
from markets.venues.paper.facts import PositionKey
from markets.venues.paper.terms import Terms

SPOT, USD_M, COIN_M = bitcoin(MarketKind.SPOT), bitcoin(), bitcoin(MarketKind.COIN_M)
LONG = PositionKey(MarketKind.USD_M, "BTCUSDT", PositionSide.BOTH)
INVERSE = PositionKey(MarketKind.COIN_M, "BTCUSD_PERP", PositionSide.BOTH)


def test_a_market_order_on_spot_exchanges_coins_and_takes_the_fee_from_what_is_received():
    outcome = place(books(), request(SPOT, "BUY", "0.1"), view(SPOT, 50_000), PLAIN)

    assert outcome.order.status is VenueStatus.FILLED
    assert outcome.ledger.balance("USDT").total == 5_000
    assert outcome.ledger.balance("BTC").total == D("0.0999")
    assert (outcome.trades[0].fee, outcome.trades[0].fee_asset) == (D("0.0001"), "BTC")
    assert outcome.trades[0].realized_pnl is None


def test_selling_coins_pays_the_fee_in_the_quote():
    outcome = place(books("BTC", 1), request(SPOT, "SELL", "0.1"), view(SPOT, 50_000), PLAIN)

    assert outcome.ledger.balance("USDT").total == 4_995
    assert outcome.trades[0].fee_asset == "USDT"


def test_a_buyer_pays_the_ask_and_a_seller_gets_the_bid():
    at = view(USD_M, 50_000, bid=D(49_990), ask=D(50_010))

    assert place(books(), request(USD_M, "BUY", "0.01"), at, PLAIN).trades[0].price == 50_010
    assert place(books(), request(USD_M, "SELL", "0.01"), at, PLAIN).trades[0].price == 49_990


def test_slippage_makes_prices_worse_for_both_sides_and_stays_on_the_tick():
    terms = Terms(slippage=D("2.5"), liquidity=None)

    assert place(books(), request(USD_M, "BUY", "0.01"), view(USD_M, 50_000), terms).trades[0].price == D("50012.5")
    assert place(books(), request(USD_M, "SELL", "0.01"), view(USD_M, "50000.1"), terms).trades[0].price == D("49987.5")


def test_a_limit_order_that_crosses_never_pays_more_than_its_limit():
    terms = Terms(slippage=D(100), liquidity=None)
    outcome = place(books(), request(USD_M, "BUY", "0.01", price=50_020), view(USD_M, 50_000), terms)

    assert outcome.trades[0].price == 50_020
    assert not outcome.trades[0].is_maker


def test_a_limit_order_away_from_the_market_rests_and_locks_what_it_needs():
    spot = place(books(), request(SPOT, "BUY", "0.1", price=40_000), view(SPOT, 50_000), PLAIN)
    futures = place(books(), request(USD_M, "BUY", "0.1", price=49_000), view(USD_M, 50_000), PLAIN)

    assert spot.order.status is futures.order.status is VenueStatus.NEW
    assert spot.ledger.balance("USDT").locked == 4_000
    assert futures.ledger.balance("USDT").locked == 490


def test_cancelling_unlocks_everything():
    placed = place(books(), request(SPOT, "BUY", "0.1", price=40_000), view(SPOT, 50_000), PLAIN)
    outcome = cancel(placed.ledger, placed.order, now=placed.order.created_at, status=VenueStatus.CANCELED)

    assert outcome.order.status is VenueStatus.CANCELED
    assert outcome.ledger.balance("USDT").free == 10_000


def test_a_position_keeps_its_mean_price_and_realises_its_share_when_closed():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    ledger = place(ledger, request(USD_M, "BUY", "0.1"), view(USD_M, 60_000), PLAIN).ledger
    outcome = place(ledger, request(USD_M, "SELL", "0.05"), view(USD_M, 57_000), PLAIN)

    assert outcome.trades[0].realized_pnl == 100
    assert outcome.ledger.positions[LONG].entry_price == 55_000
    assert outcome.ledger.positions[LONG].quantity == D("0.15")
    assert outcome.trades[0].fee == D("1.14")


def test_an_inverse_position_is_counted_in_coins():
    ledger = place(books("BTC", 1), request(COIN_M, "BUY", 100), view(COIN_M, 50_000), PLAIN).ledger
    outcome = place(ledger, request(COIN_M, "SELL", 100), view(COIN_M, 40_000), PLAIN)

    assert outcome.trades[0].realized_pnl == D("-0.05")  # 10,000 USD were 0.2 and are 0.25 coins
    assert outcome.trades[0].quote_quantity == 10_000
    assert outcome.trades[0].base_quantity == D("0.25")
    assert INVERSE not in outcome.ledger.positions


def test_linear_contracts_stand_for_as_many_coins_as_they_hold():
    tenths = bitcoin(contract_size=D("0.1"))
    outcome = place(books(), request(tenths, "BUY", 2), view(tenths, 50_000), PLAIN)

    assert (outcome.trades[0].base_quantity, outcome.trades[0].quote_quantity) == (D("0.2"), D(10_000))
    assert (outcome.order.filled_base, outcome.order.filled_quote) == (D("0.2"), D(10_000))
    held = outcome.ledger.positions[LONG]
    assert (held.entry_price, held.cost, held.margin) == (D(50_000), D(10_000), D(1_000))


def test_a_loss_is_not_forgiven_while_another_position_may_make_up_for_it():
    ledger = books(amount=1_100, hedge_mode=True, leverage=100)
    for side, position_side in (("BUY", PositionSide.LONG), ("SELL", PositionSide.SHORT)):
        order = request(USD_M, side, "0.1", position_side=position_side)
        ledger = place(ledger, order, view(USD_M, 50_000), PLAIN).ledger
    at = view(USD_M, 30_000)
    lost = place(ledger, request(USD_M, "SELL", "0.1", position_side=PositionSide.LONG), at, PLAIN).ledger
    flat = place(lost, request(USD_M, "BUY", "0.1", position_side=PositionSide.SHORT), at, PLAIN).ledger

    assert (lost.balance("USDT").total < -900, lost.forgiven) == (True, {})
    assert (flat.balance("USDT").total, flat.forgiven) == (1_100 - 2 * (2 + D("1.2")), {})


def test_an_order_larger_than_the_position_turns_it_around():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    outcome = place(ledger, request(USD_M, "SELL", "0.3"), view(USD_M, 51_000), PLAIN)

    assert outcome.trades[0].realized_pnl == 100
    assert outcome.ledger.positions[LONG].quantity == D("-0.2")
    assert outcome.ledger.positions[LONG].entry_price == 51_000


def test_long_and_short_stand_beside_each_other_in_hedge_mode():
    ledger = books(hedge_mode=True)
    for side, position_side in (("BUY", PositionSide.LONG), ("SELL", PositionSide.SHORT)):
        order = request(USD_M, side, "0.1", position_side=position_side)
        ledger = place(ledger, order, view(USD_M, 50_000), PLAIN).ledger

    assert sorted(held.quantity for held in ledger.positions.values()) == [D("-0.1"), D("0.1")]


def test_a_large_market_order_fills_over_several_trades_each_worse_than_the_last():
    terms = Terms(slippage=D(1), liquidity=D(10_000))
    outcome = place(books(amount=1_000_000), request(USD_M, "BUY", "2"), view(USD_M, 50_000), terms)

    prices = [trade.price for trade in outcome.trades]
    assert len(prices) > 10
    assert prices == sorted(set(prices))
    assert outcome.order.status is VenueStatus.FILLED
    assert sum(trade.quantity for trade in outcome.trades) == 2


def test_a_large_limit_order_gets_a_part_and_waits_for_the_rest():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    outcome = place(books(), request(USD_M, "BUY", "1", price=50_000), view(USD_M, 50_000), terms)

    assert outcome.order.status is VenueStatus.PARTIALLY_FILLED
    assert D("0.1") <= outcome.order.filled_quantity <= D("0.2")
    assert outcome.ledger.balance("USDT").locked == outcome.order.remaining * 5_000


def test_the_rest_of_an_immediate_order_expires_and_locks_nothing():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    order = request(USD_M, "BUY", "1", price=50_000, time_in_force=TimeInForce.IOC)
    outcome = place(books(), order, view(USD_M, 50_000), terms)

    assert outcome.order.status is VenueStatus.EXPIRED
    assert outcome.order.filled_quantity > 0
    assert outcome.ledger.balance("USDT").locked == 0


def test_an_order_to_fill_or_kill_fills_whole_or_not_at_all():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    killed, filled = (
        place(
            books(),
            request(USD_M, "BUY", much, price=50_000, time_in_force=TimeInForce.FOK),
            view(USD_M, 50_000),
            terms,
        )
        for much in ("1", "0.05")
    )

    assert (killed.order.status, killed.trades) == (VenueStatus.EXPIRED, ())
    assert killed.ledger.balances == books().balances
    assert filled.order.status is VenueStatus.FILLED


def test_an_order_by_quote_spends_no_more_than_that_even_while_prices_get_worse():
    terms = Terms(slippage=D(50), liquidity=D(1_000))
    outcome = place(books(), request(SPOT, "BUY", quote_quantity=5_000), view(SPOT, 50_000), terms)

    assert 4_500 < outcome.order.filled_quote <= 5_000
    assert outcome.order.status is VenueStatus.FILLED


def test_reduce_only_closes_no_more_than_the_position():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    outcome = place(ledger, request(USD_M, "SELL", "5", reduce_only=True), view(USD_M, 50_000), PLAIN)

    assert outcome.order.status is VenueStatus.FILLED
    assert outcome.order.quantity == D("0.1")
    assert outcome.ledger.positions == {}
    part = place(ledger, request(USD_M, "SELL", "0.04", reduce_only=True), view(USD_M, 50_000), PLAIN)
    assert (part.order.quantity, part.ledger.positions[LONG].quantity) == (D("0.04"), D("0.06"))


def test_a_stop_that_only_reduces_may_be_there_before_the_position():
    stop = request(USD_M, "SELL", 5, type=OrderType.STOP_MARKET, stop_price=49_000, reduce_only=True)

    assert place(books(), stop, view(USD_M, 50_000), PLAIN).order.quantity == 5


@pytest.mark.parametrize(
    ("market", "side", "values", "locked"),
    [
        (SPOT, "BUY", {"type": OrderType.STOP_MARKET}, {"USDT": D(5_151)}),
        (SPOT, "BUY", {"type": OrderType.STOP_LIMIT, "price": 52_000}, {"USDT": D(5_200)}),
        (SPOT, "SELL", {"type": OrderType.TAKE_PROFIT_MARKET}, {"BTC": D("0.1")}),
        (USD_M, "BUY", {"type": OrderType.STOP_MARKET}, {}),
    ],
)
def test_a_stop_locks_what_it_may_cost_on_spot_and_nothing_on_futures(market, side, values, locked):
    terms = Terms(slippage=D(100), liquidity=None)
    order = request(market, side, "0.1", stop_price=51_000, **values)
    ledger = place(books(BTC=1), order, view(market, 50_000), terms).ledger

    assert {asset: held.locked for asset, held in ledger.balances.items() if held.locked} == locked


def test_an_order_by_quote_buys_all_that_it_pays_for():
    outcome = place(books(), request(SPOT, "BUY", quote_quantity=5_000), view(SPOT, 50_000), PLAIN)

    assert (outcome.order.filled_quantity, outcome.order.filled_quote) == (D("0.1"), D(5_000))


def test_an_exit_may_be_smaller_than_the_smallest_order():
    ledger = place(books(), request(USD_M, "BUY", "0.01"), view(USD_M, 50_000), PLAIN).ledger

    assert refusal(ledger, request(USD_M, "SELL", "0.0005", reduce_only=True), view(USD_M, 50_000)) == "LOT_SIZE"
    assert place(ledger, request(USD_M, "SELL", "0.001", reduce_only=True), view(USD_M, 20_000), PLAIN).trades


def test_new_risk_on_a_stale_price_is_refused_with_its_age_and_an_exit_is_not():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    stale = replace(view(USD_M, 50_000, stale=True), now=view(USD_M, 1).now.replace(minute=2))

    with pytest.raises(Rejected, match="120 seconds old") as caught:
        place(ledger, request(USD_M, "BUY", "0.1"), stale, PLAIN)
    assert caught.value.reason == "STALE_PRICE"
    for exit_order in (request(USD_M, "SELL", "0.1"), request(USD_M, "SELL", "0.1", reduce_only=True)):
        assert place(ledger, exit_order, stale, PLAIN).order.status is VenueStatus.FILLED


@pytest.mark.parametrize(
    ("market", "side", "quantity", "fresh_only"),
    [
        (SPOT, "SELL", "0.1", False),
        (SPOT, "BUY", "0.1", True),
        (USD_M, "SELL", "0.1", False),
        (USD_M, "SELL", "0.2", True),
        (USD_M, "BUY", "0.1", True),
    ],
)
def test_what_does_more_than_to_close_needs_a_fresh_price(market, side, quantity, fresh_only):
    ledger = place(books(BTC=1), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    order, stale = request(market, side, quantity), view(market, 50_000, stale=True)

    if fresh_only:
        assert refusal(ledger, order, stale) == "STALE_PRICE"
    else:
        assert place(ledger, order, stale, PLAIN).order.status is VenueStatus.FILLED


def test_an_account_spends_all_that_it_has_and_no_more():
    for amount, taken in (("10040", True), ("10039.99", False)):  # the margin of 10,000 and the fee
        order, at = request(USD_M, "BUY", 2), view(USD_M, 50_000)
        if taken:
            place(books(amount=amount), order, at, PLAIN)
        else:
            assert refusal(books(amount=amount), order, at) == "INSUFFICIENT_MARGIN"
    assert place(books(), request(SPOT, "BUY", "0.2"), view(SPOT, 50_000), PLAIN).ledger.balance("USDT").total == 0


def test_what_one_order_has_locked_no_other_one_spends():
    resting = place(books(), request(SPOT, "BUY", "0.1", price=40_000), view(SPOT, 50_000), PLAIN).ledger

    assert refusal(resting, request(SPOT, "BUY", "0.15"), view(SPOT, 50_000)) == "INSUFFICIENT_BALANCE"
    assert place(resting, request(SPOT, "BUY", "0.12"), view(SPOT, 50_000), PLAIN).trades


def test_a_resting_sale_of_coins_locks_the_coins():
    ledger = place(books(BTC=1), request(SPOT, "SELL", "0.4", price=60_000), view(SPOT, 50_000), PLAIN).ledger

    assert (ledger.balance("BTC").locked, ledger.balance("USDT").locked) == (D("0.4"), D(0))


@pytest.mark.parametrize(("quantity", "locked"), [("0.05", 0), ("0.1", 0), ("0.3", 1_200)])
def test_only_what_an_order_would_open_is_locked(quantity, locked):
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    resting = place(ledger, request(USD_M, "SELL", quantity, price=60_000), view(USD_M, 59_000), PLAIN)

    assert resting.ledger.balance("USDT").locked == locked


def test_who_has_lost_all_margin_may_close_and_not_open():
    ledger = place(books(amount=600), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger
    at = view(USD_M, 45_000)

    for close in ("0.04", "0.1"):
        assert place(ledger, request(USD_M, "SELL", close), at, PLAIN).trades
    assert refusal(ledger, request(USD_M, "SELL", "0.2"), at) == "INSUFFICIENT_MARGIN"
    assert refusal(ledger, request(USD_M, "BUY", "0.01"), at) == "INSUFFICIENT_MARGIN"
    stop = request(USD_M, "BUY", 1, type=OrderType.STOP_MARKET, stop_price=60_000)
    assert place(ledger, stop, at, PLAIN).order.status is VenueStatus.NEW  # it is asked when it triggers


def test_positions_in_another_margin_asset_have_no_part_in_what_is_available():
    ledger = place(books(BTC=1), request(COIN_M, "BUY", 100), view(COIN_M, 50_000), PLAIN).ledger

    assert ledger.available("USDT", {}) == 10_000
    assert ledger.positions[INVERSE].entry_price == 50_000


def test_an_order_rests_until_it_is_cancelled_unless_it_says_otherwise():
    at = view(USD_M, 50_000)

    assert place(books(), request(USD_M, "BUY", "0.1"), at, PLAIN).order.time_in_force is None
    assert place(books(), request(USD_M, "BUY", "0.1", price=40_000), at, PLAIN).order.time_in_force == "GTC"


def test_without_any_price_nothing_trades():
    ledger = place(books(), request(USD_M, "BUY", "0.1"), view(USD_M, 50_000), PLAIN).ledger

    assert refusal(ledger, request(USD_M, "SELL", "0.1"), view(USD_M, None)) == "STALE_PRICE"


def test_a_loss_beyond_the_balance_is_forgiven():
    ledger = place(books(amount=1_000), request(USD_M, "BUY", "0.15"), view(USD_M, 50_000), PLAIN).ledger
    outcome = place(ledger, request(USD_M, "SELL", "0.15"), view(USD_M, 40_000), PLAIN)

    assert outcome.ledger.balance("USDT").total == 0
    assert outcome.ledger.forgiven["USDT"] > 500

"""Binance's words on orders, trades, accounts and markets, read from recorded answers."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from markets.venues.base import OrderRequest
from markets.venues.binance.account_replies import read_futures_account, read_spot_account
from markets.venues.binance.conditional import actual_order_id, as_conditional, read_conditional
from markets.venues.binance.listing import read_filters, read_listing
from markets.venues.binance.orders import read_order, read_placed, read_trade
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, VenueStatus
from tests.simulators.exchange.symbols import load

SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M
NOW = datetime(2026, 9, 15, tzinfo=UTC)
REQUEST = OrderRequest("mine", "BTCUSDT", SPOT, Side.SELL, OrderType.MARKET, Decimal(10))


def test_a_full_answer_of_spot_holds_its_fills() -> None:
    report = read_placed(load("spot_order_full"), REQUEST, contract_size=Decimal(1))

    assert (report.status, report.filled_quantity, report.venue_order_id) == (VenueStatus.FILLED, Decimal(10), "28")
    assert [fill.venue_trade_id for fill in report.fills] == ["56", "57", "58", "59", "60"]
    first = report.fills[0]
    assert (first.price, first.quantity, first.quote_quantity) == (Decimal(4000), Decimal(1), Decimal(4000))
    assert (first.fee, first.fee_asset, first.side, first.is_maker) == (Decimal(4), "USDT", Side.SELL, False)
    assert {fill.client_order_id for fill in report.fills} == {report.client_order_id}


def test_a_short_answer_names_the_order_and_the_request_says_the_rest() -> None:
    report = read_placed(load("spot_order_ack"), REQUEST, contract_size=Decimal(1))

    assert (report.status, report.quantity, report.filled_quantity) == (VenueStatus.NEW, Decimal(10), Decimal(0))
    assert (report.venue_order_id, report.side, report.filled_quote) == ("28", Side.SELL, None)


@pytest.mark.parametrize(("name", "kind"), [("usdm_order_new", USD_M), ("coinm_order_new", COIN_M)])
def test_what_a_placement_does_not_say_is_none_and_not_zero(name: str, kind: MarketKind) -> None:
    report = read_placed(load(name), replace(REQUEST, kind=kind), contract_size=None)

    assert (report.filled_quote, report.average_price, report.price) == (None, None, None)
    assert report.status == VenueStatus.NEW


def test_contracts_are_worth_their_size() -> None:
    reply = {**load("coinm_order_query"), "executedQty": "3", "avgPrice": "8800.0", "status": "FILLED"}
    report = read_order(reply, COIN_M, contract_size=Decimal(100))

    assert (report.filled_quote, report.average_price) == (Decimal(300), Decimal(8800))


def test_the_answer_to_a_cancel_on_spot_is_about_our_order() -> None:
    report = read_order(load("spot_cancel_order"), SPOT, contract_size=Decimal(1))

    assert (report.client_order_id, report.status) == ("myOrder1", VenueStatus.CANCELED)


def test_a_worth_below_zero_means_that_it_is_not_known() -> None:
    reply = {**load("spot_order_query"), "cummulativeQuoteQty": "-1.0"}

    assert read_order(reply, SPOT, contract_size=Decimal(1)).filled_quote is None


@pytest.mark.parametrize(
    ("word", "status"),
    [("PENDING_NEW", VenueStatus.NEW), ("EXPIRED_IN_MATCH", VenueStatus.EXPIRED), ("REJECTED", VenueStatus.REJECTED)],
)
def test_states_that_only_binance_knows(word: str, status: VenueStatus) -> None:
    assert read_order({**load("usdm_order_query"), "status": word}, USD_M, contract_size=None).status == status


@pytest.mark.parametrize(
    "change", [{"status": "WHATEVER"}, {"executedQty": "NaN"}, {"executedQty": ""}, {"side": "SIDEWAYS"}]
)
def test_an_order_that_makes_no_sense_is_not_believed(change: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError, ArithmeticError)):
        read_order({**load("usdm_order_query"), **change}, USD_M, contract_size=None)


def test_an_order_that_waits_for_a_price() -> None:
    report = read_conditional(load("usdm_algo_order_new"), USD_M)

    assert (report.client_order_id, report.venue_order_id) == ("6B2I9XVcJpCjqPAJ4YoFX7", "algo:2146760")
    assert (report.type, report.status) == (OrderType.TAKE_PROFIT_LIMIT, VenueStatus.NEW)
    assert (report.stop_price, report.price) == (Decimal(750), Decimal(750))


@pytest.mark.parametrize(
    ("word", "status"),
    [("TRIGGERED", VenueStatus.NEW), ("CANCELED", VenueStatus.CANCELED), ("EXPIRED", VenueStatus.EXPIRED)],
)
def test_states_of_waiting_orders(word: str, status: VenueStatus) -> None:
    assert read_conditional({**load("usdm_algo_order_query"), "algoStatus": word}, USD_M).status == status


def test_a_finished_one_that_does_not_say_as_what_is_not_believed() -> None:
    with pytest.raises(ValueError, match="finished"):
        read_conditional({**load("usdm_algo_order_query"), "algoStatus": "FINISHED"}, USD_M)


def test_what_a_waiting_order_became_keeps_its_names() -> None:
    algo = {**load("usdm_algo_order_query"), "algoStatus": "FINISHED", "actualOrderId": "77"}
    actual = read_order(load("usdm_order_query"), USD_M, contract_size=None)
    report = as_conditional(actual, algo)

    assert actual_order_id(algo) == "77"
    assert (report.client_order_id, report.venue_order_id) == ("6B2I9XVcJpCjqPAJ4YoFX7", actual.venue_order_id)
    assert (report.type, report.stop_price) == (OrderType.TAKE_PROFIT_LIMIT, Decimal(750))
    assert report.raw["actualOrder"] == actual.raw


@pytest.mark.parametrize(
    ("name", "kind", "side", "quote", "pnl"),
    [
        ("spot_my_trades", SPOT, Side.BUY, "48.000012", None),
        ("usdm_user_trades", USD_M, Side.SELL, "15.63802", Decimal("-0.91539999")),
        ("coinm_user_trades", COIN_M, Side.SELL, "100", Decimal(0)),
    ],
)
def test_trades(name: str, kind: MarketKind, side: Side, quote: str, pnl: Decimal | None) -> None:
    fill = read_trade(load(name)[0], kind)

    assert (fill.side, fill.quote_quantity, fill.realized_pnl) == (side, Decimal(quote), pnl)


def test_balances_of_spot_are_free_and_locked_together() -> None:
    reply = {"balances": [{"asset": "BTC", "free": "1", "locked": "0.5"}, {"asset": "X", "free": "0", "locked": "0"}]}
    (balance,) = read_spot_account(reply, NOW).balances

    assert (balance.asset, balance.total, balance.free) == ("BTC", Decimal("1.5"), Decimal(1))


def test_an_account_of_usd_m() -> None:
    positions = load("usdm_positionrisk_v3")
    report = read_futures_account(load("usdm_account_v3"), positions, USD_M, hedge_mode=False, now=NOW)

    assert (report.equity, report.equity_asset) == (Decimal("126.72469206"), "USDT")
    (held,) = report.positions
    assert (held.symbol, held.quantity, held.entry_price) == ("ADAUSDT", Decimal(30), Decimal("0.385"))
    assert (held.leverage, held.liquidation_price, held.margin_asset) == (Decimal(20), None, "USDT")


def test_an_account_of_coin_m_has_one_figure_where_it_has_one_coin() -> None:
    reply, positions = load("coinm_account"), load("coinm_positionrisk")
    report = read_futures_account(reply, positions, COIN_M, hedge_mode=True, now=NOW)
    two = {**reply, "assets": [*reply["assets"], {**reply["assets"][0], "asset": "ETH"}]}

    assert (report.equity, report.equity_asset, report.positions) == (Decimal("0.00241969"), "BTC", ())
    assert read_futures_account(two, [], COIN_M, hedge_mode=True, now=NOW).equity is None


def test_a_short_position_is_below_zero_however_it_is_written() -> None:
    row = {**load("usdm_positionrisk_v3")[0], "positionSide": "SHORT"}
    (held,) = read_futures_account(load("usdm_account_v3"), [row], USD_M, hedge_mode=True, now=NOW).positions

    assert (held.position_side, held.quantity) == (PositionSide.SHORT, Decimal(-30))


def test_a_part_of_a_filter_that_is_zero_is_switched_off() -> None:
    market = read_listing(load("spot_exchangeinfo_4symbols"), SPOT)[0]

    assert market.symbol == "BTCUSDT"
    assert (market.filters.market_quantity_step, market.filters.market_quantity_min) == (None, None)
    assert (market.filters.price_tick, market.filters.quantity_step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (market.filters.notional_min, market.filters.notional_max) == (Decimal(5), Decimal(9_000_000))
    assert (market.filters.price_factor_up, market.filters.price_factor_down) == (Decimal(5), Decimal("0.2"))


def test_markets_of_usd_m_are_found_by_name() -> None:
    (market,) = read_listing(load("usdm_exchangeinfo_btcusdt"), USD_M)

    assert (market.filters.notional_min, market.filters.price_tick) == (Decimal(50), Decimal("0.1"))
    assert (market.contract_type, market.contract_size, market.trading) == ("PERPETUAL", Decimal(1), True)
    assert (market.filters.market_quantity_max, market.filters.trigger_protect) == (Decimal(120), Decimal("0.05"))


def test_markets_of_coin_m_have_a_size_and_no_smallest_worth() -> None:
    markets = {market.symbol: market for market in read_listing(load("coinm_exchangeinfo_btcusd"), COIN_M)}
    perpetual = markets["BTCUSD_PERP"]

    assert (perpetual.contract_size, perpetual.margin_asset, perpetual.pair) == (Decimal(100), "BTC", "BTCUSD")
    assert perpetual.filters.notional_min is None
    assert markets["BTCUSD_261225"].contract_type == "CURRENT_QUARTER"


def test_the_older_filter_of_worth_is_read_as_well() -> None:
    entry = {"filters": [{"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": False}]}
    filters = read_filters(entry)

    assert (filters.notional_min, filters.notional_min_on_market) == (Decimal(10), False)


def test_a_market_that_does_not_trade_is_listed_as_such() -> None:
    listing = load("usdm_exchangeinfo_btcusdt")
    listing["symbols"][0]["status"] = "SETTLING"

    assert [(market.status, market.trading) for market in read_listing(listing, USD_M)] == [("SETTLING", False)]

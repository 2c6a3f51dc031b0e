"""Prices, depth, mark price and open interest."""

from decimal import Decimal

import pytest

from tests.simulators.tests.client import API, DAPI, FAPI, Client

HISTORY = "/futures/data/openInterestHist"


def test_coin_m_answers_the_mark_price_of_one_symbol_with_a_list(client: Client) -> None:
    assert client.public(f"{FAPI}premiumIndex", symbol="BTCUSDT")["symbol"] == "BTCUSDT"
    assert len(client.public(f"{FAPI}premiumIndex")) == 4
    [row] = client.public(f"{DAPI}premiumIndex", symbol="BTCUSD_PERP")
    assert row["pair"] == "BTCUSD"


def test_prices_are_those_that_were_set(client: Client) -> None:
    client.exchange.price("usd_m", "BTCUSDT", "70000.10", mark="70001.5")
    assert client.public(f"{FAPI}ticker/price", symbol="BTCUSDT")["price"] == "70000.10"
    assert client.public(f"{FAPI}premiumIndex", symbol="BTCUSDT")["markPrice"] == "70001.50000000"
    assert client.public(f"{FAPI}ticker/24hr", symbol="BTCUSDT")["lastPrice"] == "70000.10"
    assert client.public(f"{API}ticker/price", symbol="BTCUSDT")["price"] == "76915.00000000"


def test_the_best_offers_are_a_tick_around_the_price(client: Client) -> None:
    client.exchange.price("usd_m", "BTCUSDT", "70000.10")
    best = client.public(f"{FAPI}ticker/bookTicker", symbol="BTCUSDT")
    assert (best["bidPrice"], best["askPrice"]) == ("70000.00", "70000.20")
    levels = client.public(f"{FAPI}depth", symbol="BTCUSDT", limit=5)
    assert [row[0] for row in levels["asks"]] == ["70000.20", "70000.30", "70000.40", "70000.50", "70000.60"]
    assert levels["bids"][0][0] == "70000.00"


def test_the_open_interest_of_coin_m_counts_contracts(client: Client) -> None:
    row = client.public(f"{DAPI}openInterest", symbol="BTCUSD_PERP")
    assert (row["pair"], row["contractType"]) == ("BTCUSD", "PERPETUAL")
    assert Decimal(row["openInterest"]) == int(row["openInterest"])
    assert "pair" not in client.public(f"{FAPI}openInterest", symbol="BTCUSDT")


@pytest.mark.parametrize("params", [{"symbol": "BTCUSDT"}, {"pair": "BTCUSD", "contractType": "PERPETUAL"}])
def test_the_history_of_open_interest_ascends_in_its_period(client: Client, params: dict[str, str]) -> None:
    rows = client.public(HISTORY, period="5m", limit=4, **params)
    times = [row["timestamp"] for row in rows]
    assert times == list(range(times[0], times[0] + 4 * 300_000, 300_000))
    again = client.public(HISTORY, period="5m", startTime=times[0], endTime=times[-1], limit=500, **params)
    assert [row["sumOpenInterest"] for row in again] == [row["sumOpenInterest"] for row in rows]


def test_the_history_of_open_interest_knows_its_periods_and_its_last_month(client: Client) -> None:
    assert client.raw("GET", f"{HISTORY}?symbol=BTCUSDT&period=7m").code == -1130
    assert client.raw("GET", f"{HISTORY}?symbol=BTCUSDT&period=5m&startTime=1600000000000").code == -1130
    assert client.raw("GET", f"{HISTORY}?symbol=BTCUSDT").code == -1102

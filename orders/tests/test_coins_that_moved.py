"""Which spot markets are read for trades: those between two coins of which both have changed lately."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from markets.venues.base import BalanceReport
from orders.services import coins
from orders.services.coins import coins_seen, markets_between
from tests.factories import make_market

NOW = datetime(2026, 2, 5, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=10)
LATER = NOW + timedelta(minutes=20)


def told(**totals):
    return [BalanceReport(asset, Decimal(total), Decimal(total)) for asset, total in totals.items()]


def seen(before, at=NOW, **totals):
    return coins_seen(before, told(**totals), asked_at=at, since=at - timedelta(minutes=10))


@pytest.fixture
def markets(db):
    for base, quote in [("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC")]:
        make_market(venue="binance", symbol=f"{base}{quote}", base_asset=base, quote_asset=quote)
    make_market(venue="binanceusdm")


def names(kept, since=SINCE):
    return [market.symbol for market in markets_between("binance", kept, since=since)]


def test_a_trade_moves_two_coins_and_its_market_is_read(markets):
    first = seen(None, NOW - timedelta(hours=1), BTC="1", ETH="3", USDT="1000")

    assert names(seen(first, BTC="1.5", ETH="3", USDT="500")) == ["BTCUSDT"]


def test_a_deposit_moves_one_coin_and_no_market_is_read(markets):
    first = seen(None, NOW - timedelta(hours=1), BTC="1", USDT="1000")

    assert names(seen(first, BTC="2", USDT="1000.00")) == []


def test_a_coin_that_is_new_or_gone_has_moved(markets):
    first = seen(None, NOW - timedelta(hours=1), BTC="1", USDT="1000")

    assert names(seen(first, ETH="20", USDT="1000")) == ["ETHBTC"]


def test_a_market_is_read_again_for_as_long_as_its_trades_may_be_listed_late(markets):
    first = seen(None, NOW - timedelta(hours=1), USDT="1000")
    moved = seen(first, BTC="1", USDT="1")
    same = seen(moved, NOW + timedelta(seconds=12), BTC="1", USDT="1")

    assert names(same) == ["BTCUSDT"]
    assert names(seen(same, LATER, BTC="1", USDT="1"), LATER - timedelta(minutes=10)) == []


def test_a_coin_that_is_gone_is_forgotten_in_the_end():
    first = seen(None, NOW - timedelta(hours=1), BTC="1")
    gone = seen(first)

    assert gone["BTC"][0] == "0"
    assert seen(gone, LATER) == {}


def test_at_the_first_comparison_everything_may_have_moved_once(markets):
    first = seen(None, BTC="1", USDT="1000")

    assert names(first) == ["BTCUSDT"]
    again = NOW + timedelta(seconds=12)
    assert names(seen(first, again, BTC="1", USDT="1000"), again - timedelta(minutes=10)) == []


def test_where_too_many_have_moved_the_latest_are_read(markets, monkeypatch):
    monkeypatch.setattr(coins, "MOST_MARKETS", 1)
    first = seen(None, NOW - timedelta(hours=1), BTC="1", ETH="1", USDT="1000")
    moved = seen(first, BTC="2", ETH="1", USDT="900")
    latest = seen(moved, NOW + timedelta(seconds=12), BTC="2", ETH="2", USDT="800")

    assert names(latest) == ["ETHUSDT"]


def test_a_market_that_is_not_traded_any_more_is_not_asked_for(markets):
    make_market(venue="binance", trading=False)

    assert names(seen(None, BTC="1", USDT="1000")) == []

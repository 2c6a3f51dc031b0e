"""A leader at one venue is copied at another: by the same coin, whatever it is called and counted in there."""

import pytest

from replication.models import Signal
from replication.tests.kit import D, decision, held, paper_account, price_is
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]

SHIB = {
    "symbol": "1000SHIBUSDT",
    "base_asset": "1000SHIB",
    "quantity_step": D(1),
    "quantity_min": D(1),
    "market_quantity_step": D(1),
    "market_quantity_min": D(1),
    "market_quantity_max": D(9_000_000),
    "quantity_max": D(9_000_000),
    "price_tick": D("0.000001"),
    "price_min": D("0.000001"),
    "notional_min": D(5),
}


def opens(leader, amount="0.1", *, kind="OPEN_LONG", symbol="BTCUSDT", ago=20.0, price=50_000):
    side = kind.partition("_")[2]
    size = amount if side == "LONG" else f"-{amount}"
    event = did(kind, amount, ago=ago, symbol=symbol, price=price)
    tell(leader, event, positions=[holds(size, symbol=symbol, side=side)], read=ago - 5)


@pytest.fixture(autouse=True)
def usd_m():
    market = make_market(venue="binanceusdm")
    price_is(market=market)
    return market


def test_futures_are_copied_on_spot_and_closed_there():
    price_is(market=make_market(venue="binance"))
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="binance"))

    opens(leader)
    assert D("0.0998") < held(copy) <= D("0.1")
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[])

    assert held(copy) < D("0.00001")


def test_a_short_position_is_none_on_spot():
    price_is(market=make_market(venue="binance"))
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="binance"))

    opens(leader, kind="OPEN_SHORT")

    skipped = decision(copy)
    assert (skipped.state, skipped.code) == ("skipped", "SHORT_IMPOSSIBLE")
    assert "spot" in skipped.message


def test_an_inverted_copy_on_spot_is_long_where_its_leader_is_short():
    price_is(market=make_market(venue="binance"))
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="binance"), inverted=True)

    opens(leader, kind="OPEN_SHORT")
    assert held(copy) > D("0.0998")
    tell(leader, did("CLOSE_SHORT", "0.1"), positions=[])

    assert held(copy) < D("0.00001")


def test_coins_become_whole_inverse_contracts():
    price_is(market=make_market(venue="binancecoinm"))
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="binancecoinm", balance=10))

    opens(leader, "0.1234")

    assert held(copy) == 61  # 0.1234 x 50,000 / 100 dollars, downwards
    tell(leader, did("CLOSE_LONG", "0.0617"), positions=[holds("0.0617")])
    assert held(copy) == 31


def test_contracts_are_counted_in_their_size(monkeypatch):
    market = make_market(venue="bybit", contract_size=D("0.01"), quantity_step=D(1), quantity_min=D(1))
    market.market_quantity_step = market.market_quantity_min = D(1)
    market.save()
    price_is(market=market)
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="bybit"))

    opens(leader, "0.1")
    assert held(copy) == 10
    tell(leader, did("CLOSE_LONG", "0.05"), positions=[holds("0.05")])

    assert held(copy) == 5


def test_a_thousand_coins_under_one_name_are_the_coin():
    make_market(venue="binanceusdm", **SHIB)
    coin = make_market(
        venue="bybit", **{**SHIB, "symbol": "SHIBUSDT", "base_asset": "SHIB", "price_tick": D("0.00000001")}
    )
    price_is("0.00002", market=coin)
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="bybit"))

    opens(leader, "1000", symbol="1000SHIBUSDT", price="0.02")

    assert held(copy) == 1_000_000
    assert decision(copy).slippage_percent < 1


def test_what_has_no_market_at_the_followers_venue_says_so():
    leader = watched()
    copy = follow_since(leader)

    opens(leader, "10", symbol="ETHUSDT")

    skipped = decision(copy)
    assert (skipped.state, skipped.code, skipped.market) == ("skipped", "SYMBOL_UNMAPPED", None)
    assert "ETHUSDT" in skipped.message
    assert Signal.objects.get().base_asset == "ETH"


def test_a_delivery_contract_does_not_stand_for_the_perpetual_one():
    make_market(venue="bybit", symbol="BTCUSDT-26DEC26", contract_type="CURRENT_QUARTER")
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="bybit"))

    opens(leader)

    assert decision(copy).code == "SYMBOL_UNMAPPED"


def test_a_quote_that_is_worth_the_same_will_do():
    market = make_market(venue="bybit", symbol="BTCUSDC", quote_asset="USDC", margin_asset="USDC")
    price_is(market=market)
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="bybit"))

    opens(leader)

    assert decision(copy).market == market


def test_a_market_that_pauses_opens_nothing():
    make_market(venue="bybit", trading=False, status="Paused")
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="bybit"))

    opens(leader)

    assert decision(copy).code == "SYMBOL_NOT_TRADING"


def test_two_followers_at_two_venues_follow_one_trade():
    price_is(market=make_market(venue="binance"))
    leader = watched()
    futures, spot = follow_since(leader), follow_since(leader, account=paper_account(venue="binance"))

    opens(leader)

    assert held(futures) == D("0.1")
    assert held(spot) > D("0.0998")


def test_two_symbols_of_a_leader_never_become_one_position(usd_m):
    """What closes one of them would close the other as well, and nobody would know what of it."""
    make_market(venue="binanceusdm", symbol="BTCUSDC", quote_asset="USDC", margin_asset="USDC", trading=False)
    leader = watched()
    copy = follow_since(leader)
    opens(leader, symbol="BTCUSDT")

    opens(leader, "0.2", symbol="BTCUSDC", ago=10)

    refused = decision(copy)
    assert (refused.state, refused.code) == ("skipped", "MARKET_TAKEN")
    assert "BTCUSDT" in refused.message
    assert held(copy) == D("0.1")
    assert copy.positions.get().leader_symbol == "BTCUSDT"

"""What a copy may do in a market is what its own account may, whoever shares the market in the same moment."""

import pytest

from replication.engine.places import Places
from replication.tests.deciding_kit import follower_of, market_row
from replication.tests.planner_kit import D, terms_of, trade_of
from replication.vocabulary import PositionWord


def test_copies_that_differ_share_nothing():
    first, others = follower_of(), (follower_of(leverage=D(3)), follower_of(hedge_mode=True), follower_of(live=True))
    places, market = Places({}), market_row()
    usual = places.market(market, first)

    leveraged, hedging, live = (places.market(market, other) for other in others)

    assert (usual.leverage, usual.hedge_mode) == (D(20), False)
    assert (leveraged.leverage, hedging.hedge_mode) == (D(3), True)
    assert live is not usual
    assert places.market(market, follower_of()) is usual
    assert places.market(market_row(id=8, symbol="ETHUSDT"), first).symbol == "ETHUSDT"


def test_copies_share_a_site_that_take_the_same_side_with_the_same_slippage():
    places, market, trade = Places({7: D(50_000)}), market_row(), trade_of(price=49_000)
    same, cautious, inverted = terms_of(ratio=D(2)), terms_of(max_slippage_percent=D(1)), terms_of(inverted=True)
    usual = places.site(market, follower_of(), trade, terms_of())

    assert places.site(market, follower_of(), trade, same) is usual
    assert (usual.price, usual.limit) == (D(50_000), None)
    assert places.site(market, follower_of(), trade, cautious).limit == 49_490
    assert places.site(market, follower_of(), trade, inverted).side == PositionWord.SHORT
    assert places.site(market, follower_of(leverage=D(3)), trade, same).market.leverage == 3


@pytest.mark.parametrize("venue", ["binance", "binanceusdm"])
def test_on_spot_nothing_is_borrowed_hedged_or_reduced_only(venue):
    market = market_row(venue=venue, kind="spot")
    seen = Places({}).market(market, follower_of(leverage=D(5), hedge_mode=True))

    assert (seen.leverage, seen.hedge_mode, seen.reduce_only) == (D(1), False, False)

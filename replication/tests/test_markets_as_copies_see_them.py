"""What a copy may do in a market is what its own account may, whoever shares the market in the same moment."""

import pytest

from replication.engine.deciding import Shared, _market
from replication.tests.deciding_kit import follower_of, market_row, scene_of
from replication.tests.planner_kit import D


def test_copies_that_differ_share_nothing():
    first, others = follower_of(), (follower_of(leverage=D(3)), follower_of(hedge_mode=True), follower_of(live=True))
    shared: Shared = {}
    market = market_row()
    scene = scene_of(market=market)
    usual = _market(scene, market, first, shared)

    leveraged, hedging, live = (_market(scene, market, other, shared) for other in others)

    assert (usual.leverage, usual.hedge_mode) == (D(20), False)
    assert (leveraged.leverage, hedging.hedge_mode) == (D(3), True)
    assert live is not usual
    assert _market(scene, market, follower_of(), shared) is usual
    assert _market(scene, market_row(id=8, symbol="ETHUSDT"), first, shared).symbol == "ETHUSDT"


@pytest.mark.parametrize("venue", ["binance", "binanceusdm"])
def test_on_spot_nothing_is_borrowed_hedged_or_reduced_only(venue):
    market = market_row(venue=venue, kind="spot")
    seen = _market(scene_of(market=market), market, follower_of(leverage=D(5), hedge_mode=True), {})

    assert (seen.leverage, seen.hedge_mode, seen.reduce_only) == (D(1), False, False)

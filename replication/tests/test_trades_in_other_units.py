"""A leader's trade in the coins of the follower's market: some count them by the thousand, inverse ones by worth."""

import pytest

from markets.models import Market
from replication.engine.deciding import UNCUT, trade_at
from replication.tests.planner_kit import D, trade_of


@pytest.mark.parametrize(
    ("leaders", "followers", "quantity", "price"),
    [
        ("PEPE", "PEPE", "5", "0.02"),
        ("1000PEPE", "PEPE", "5000", "0.00002"),
        ("PEPE", "1000PEPE", "0.005", "20"),
        ("1000PEPE", "1000PEPE", "5", "0.02"),
    ],
)
def test_as_many_coins_are_copied_however_each_market_counts_them(leaders, followers, quantity, price):
    market = Market(base_asset=followers, kind="usd_m")
    trade, unpriced = (
        trade_at(market, trade_of(quantity=5, price=told), D(9), base_asset=leaders, inverse=False)
        for told in ("0.02", None)
    )

    assert (trade.quantity, trade.price) == (D(quantity), D(price))
    assert (unpriced.quantity, unpriced.price) == (D(quantity), None)


@pytest.mark.parametrize(
    ("inverse", "kind", "leaders", "price", "quantity"),
    [
        (True, "coin_m", 50_000, 40_000, D("0.25") * UNCUT),
        (True, "coin_m", 50_000, None, D("0.2") * UNCUT),
        (True, "coin_m", None, 40_000, D("0.2")),
        (True, "usd_m", 50_000, 40_000, D("0.2")),
        (False, "coin_m", 50_000, 40_000, D("0.2")),
    ],
)
def test_inverse_contracts_are_copied_by_worth_into_inverse_ones_and_else_by_coins(
    inverse, kind, leaders, price, quantity
):
    """What is worth 10,000 dollars at 50,000 is as many contracts at 40,000, where it is more coins."""
    trade, market = trade_of(quantity="0.2", price=leaders), Market(base_asset="BTC", kind=kind)
    copied = trade_at(market, trade, None if price is None else D(price), base_asset="BTC", inverse=inverse)

    assert copied.quantity == quantity

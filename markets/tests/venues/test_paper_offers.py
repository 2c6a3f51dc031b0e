"""Paper books take the types and times that the market itself takes, where its venue has told them."""

from dataclasses import replace
from typing import Any

import pytest

from markets.tests.venues.paper_kit import PLAIN, MarketKind, OrderType, TimeInForce, bitcoin, books, request, view
from markets.venues.base import MarketSpec
from markets.venues.errors import Rejected, RejectReason
from markets.venues.paper.engine import place
from markets.venues.paper.scene import spec_of, stored_markets
from tests.factories import make_market

TYPES = (OrderType.MARKET, OrderType.LIMIT)
TIMES = (TimeInForce.GTC, TimeInForce.IOC)


def narrow(**offer: Any) -> MarketSpec:
    return replace(bitcoin(MarketKind.SPOT), **offer)


def refusal(market: MarketSpec, **values: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        place(books(BTC=1), request(market, "SELL", "0.01", **values), view(market, 50_000), PLAIN)
    return caught.value


def taken(market: MarketSpec, **values: Any) -> OrderType:
    return place(books(BTC=1), request(market, "SELL", "0.01", **values), view(market, 50_000), PLAIN).order.type


def test_a_type_that_the_market_does_not_take_is_refused_with_those_that_it_takes() -> None:
    error = refusal(narrow(order_types=TYPES), type=OrderType.STOP_MARKET, stop_price=40_000)

    assert error.reason is RejectReason.BAD_PARAMETERS
    assert str(error) == "Stop market orders are not supported for this symbol: it takes MARKET, LIMIT."


def test_a_time_in_force_that_the_market_does_not_take_is_refused() -> None:
    market = narrow(order_types=TYPES, times_in_force=TIMES)

    error = refusal(market, price=60_000, time_in_force=TimeInForce.GTX)

    assert str(error) == "Time in force GTX is not supported for this symbol: it takes GTC, IOC."
    assert taken(market, price=60_000, time_in_force=TimeInForce.GTC) is OrderType.LIMIT
    assert taken(market) is OrderType.MARKET


def test_a_market_whose_venue_does_not_say_takes_what_the_books_can() -> None:
    assert taken(narrow(), type=OrderType.STOP_MARKET, stop_price=40_000) is OrderType.STOP_MARKET
    assert taken(narrow(), price=60_000, time_in_force=TimeInForce.GTX) is OrderType.LIMIT


@pytest.mark.django_db
def test_the_books_judge_by_the_stored_market() -> None:
    row = make_market(venue="binance", order_types=["MARKET", "LIMIT"], times_in_force=["GTC", "IOC"])

    assert (spec_of(row).order_types, spec_of(row).times_in_force) == (TYPES, TIMES)
    assert stored_markets("binance") == [spec_of(row)]

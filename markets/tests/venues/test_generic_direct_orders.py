"""Orders that were placed by hand at an exchange: they have no client order id, and are found by their number."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from copytrade.lib.loop import run
from copytrade.lib.sql import json_rows
from markets.venues.base import AccountAccess, Credentials, OrderReference, OrderReport, OrderRequest
from markets.venues.generic.adapter import GenericVenue
from markets.venues.vocabulary import MarketKind, OrderType, Side, TimeInForce, VenueStatus
from tests.contract.benches.generic import MARKETS, Market
from tests.simulators.generic import ExchangeSimulator


class Desk:
    """One account in one market, whose owner trades at the exchange itself."""

    def __init__(self, market: Market, exchange: ExchangeSimulator[Any], venue: GenericVenue) -> None:
        self.market, self.exchange, self.venue = market, exchange, venue
        made = exchange.account({market.quote: "1000000", "BTC": "10"})
        self.key = made.key
        self.access = AccountAccess("one", Credentials(made.key, made.secret, made.passphrase))

    def trade(self, **values) -> OrderReference:
        """Place an order by hand, and return what its trades, or the list of open orders, tell of it."""
        market = self.market
        request = OrderRequest("", market.symbol, market.kind, Side.BUY, OrderType.MARKET, Decimal(market.quantity))
        self.exchange.place(self.key, market.name, [replace(request, **values)])
        told = [*self.fills(), *run(self.venue.open_orders(self.access))]
        assert told[-1].client_order_id == ""
        return OrderReference(market.symbol, market.kind, OrderType.MARKET, "", told[-1].venue_order_id)

    def fills(self):
        return run(self.venue.fills(self.access, self.market.symbol, self.market.kind, since=None))

    def query(self, reference: OrderReference) -> OrderReport | None:
        return run(self.venue.query(self.access, reference))


@pytest.fixture(params=MARKETS, ids=lambda market: f"{market.slug}-{market.kind}")
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    market: Market = request.param
    with market.simulator() as exchange:
        venue = GenericVenue(market.slug, address=exchange.url)
        yield Desk(market, exchange, venue)
        run(venue.close())


def test_a_trade_leads_to_its_order_and_how_large_that_was(desk):
    found = desk.query(desk.trade())

    assert found is not None
    assert (found.status, found.quantity) == (VenueStatus.FILLED, Decimal(desk.market.quantity))


def test_what_an_exchange_says_of_an_order_can_be_stored(desk):
    """Kraken tells times as JSON numbers."""
    found = desk.query(desk.trade())

    assert found is not None
    assert json.loads(json_rows([found.raw])) == [found.raw]


def test_an_id_that_was_made_up_here_is_not_sent_where_the_number_is_known(desk):
    told = desk.trade()
    found = desk.query(OrderReference(told.symbol, told.kind, told.type, "venue-1-2", told.venue_order_id))

    assert found is not None
    assert found.status == VenueStatus.FILLED


def test_each_order_is_found_among_several_without_an_id(desk):
    first, second = desk.trade(), desk.trade()

    assert [desk.query(each).venue_order_id for each in (first, second)] == [
        first.venue_order_id,
        second.venue_order_id,
    ]


def test_an_order_that_rests_is_found_and_cancelled(desk):
    limit = {"type": OrderType.LIMIT, "price": Decimal(48_000), "time_in_force": TimeInForce.GTC}
    reference = desk.trade(**limit)

    assert desk.query(reference).status == VenueStatus.NEW
    assert run(desk.venue.cancel(desk.access, reference)).status == VenueStatus.CANCELED


def test_a_reference_to_no_order_cannot_be_made():
    with pytest.raises(ValueError, match="at least one of its ids"):
        OrderReference("BTCUSDT", MarketKind.SPOT, OrderType.MARKET, "", "")

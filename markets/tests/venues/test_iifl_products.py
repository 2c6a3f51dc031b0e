"""What a share has under several products is one position of it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import POSITION_ROW, access, venue_of
from markets.venues.base import PositionReport, Venue
from tests.simulators.iifl import IiflSimulator

CNC = {**POSITION_ROW, "ProductType": "CNC"}


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        yield simulator


@pytest.fixture
def venue(exchange: IiflSimulator) -> Iterator[Venue]:
    with venue_of(exchange) as made:
        yield made


def held(exchange: IiflSimulator, venue: Venue) -> tuple[PositionReport, ...]:
    return tuple(loop.run(venue.account(access(exchange.account()))).positions)


def test_they_are_added_at_their_mean_price(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.show("positions", POSITION_ROW)
    exchange.show("positions", {**CNC, "Quantity": "30", "BuyAveragePrice": "2,500.00", "UnrealizedMTM": "-20.00"})
    (position,) = held(exchange, venue)

    assert (position.symbol, position.quantity) == ("RELIANCE", Decimal(40))
    assert (position.entry_price, position.unrealized_pnl) == (Decimal(2475), Decimal(30))


def test_what_is_sold_under_one_is_taken_off_another_at_the_price_of_what_stays(
    exchange: IiflSimulator, venue: Venue
) -> None:
    exchange.show("positions", POSITION_ROW)
    exchange.show("positions", {**CNC, "Quantity": "-3", "SellAveragePrice": "2,500.00", "UnrealizedMTM": "NaN"})
    (position,) = held(exchange, venue)

    assert (position.quantity, position.entry_price, position.unrealized_pnl) == (Decimal(7), Decimal(2400), None)


def test_those_that_even_out_are_no_position(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.show("positions", POSITION_ROW)
    exchange.show("positions", {**CNC, "Quantity": "-10", "SellAveragePrice": "2,500.00"})

    assert held(exchange, venue) == ()


def test_other_shares_stay_apart(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.show("positions", POSITION_ROW)
    exchange.show("positions", {**POSITION_ROW, "ExchangeInstrumentId": "22", "TradingSymbol": "ACC"})

    assert {position.symbol: position.quantity for position in held(exchange, venue)} == {"RELIANCE": 10, "ACC": 10}

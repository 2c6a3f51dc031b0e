"""A number names another instrument in each segment: what another segment tells is never taken for a share."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import (
    LONG_ID,
    ORDER_ROW,
    POSITION_ROW,
    TRADE_ROW,
    access,
    named,
    order,
    resting,
    venue_of,
)
from markets.venues.base import AccountReport, FillReport, OrderReport, Venue
from markets.venues.errors import Retryable
from markets.venues.vocabulary import MarketKind
from tests.contract.ear import Ear
from tests.simulators.iifl import IiflSimulator

run = loop.run
FOREIGN = [{"ExchangeSegment": segment, "TradingSymbol": "USDINR26NOVFUT"} for segment in ("NSECD", "BSECM", 3)]
SHARES = [{"ExchangeSegment": segment} for segment in ("NSECM", "nsecm", 1, "1")]


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        yield simulator


@pytest.fixture
def venue(exchange: IiflSimulator) -> Iterator[Venue]:
    with venue_of(exchange) as made:
        yield made


@pytest.mark.parametrize("change", FOREIGN)
def test_what_another_segment_has_is_in_no_book(exchange: IiflSimulator, venue: Venue, change: dict[str, Any]) -> None:
    for book, row in (("orders", ORDER_ROW), ("trades", TRADE_ROW), ("positions", POSITION_ROW)):
        exchange.show(book, {**row, **change})
    mine = access(exchange.account())

    assert run(venue.open_orders(mine)) == []
    assert run(venue.query(mine, named(order(client_order_id="byhand"), "99"))) is None
    assert run(venue.query(mine, named(order(client_order_id="byhand")))) is None
    assert run(venue.account(mine)).positions == ()
    for number in ("", "99"):
        assert run(venue.fills(mine, "RELIANCE", MarketKind.EQUITY, venue_order_id=number, since=None)) == []


@pytest.mark.parametrize("change", SHARES)
def test_the_segment_of_shares_is_known_by_its_name_and_its_number(
    exchange: IiflSimulator, venue: Venue, change: dict[str, Any]
) -> None:
    for book, row in (("orders", ORDER_ROW), ("trades", TRADE_ROW), ("positions", POSITION_ROW)):
        exchange.show(book, {**row, **change})
    mine = access(exchange.account())

    assert [each.venue_order_id for each in run(venue.open_orders(mine))] == ["99"]
    assert [held.quantity for held in run(venue.account(mine)).positions] == [10]
    assert len(run(venue.fills(mine, "RELIANCE", MarketKind.EQUITY, since=datetime(2026, 11, 20, tzinfo=UTC)))) == 1


def test_a_position_that_names_no_segment_is_not_guessed(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.show("positions", {name: value for name, value in POSITION_ROW.items() if name != "ExchangeSegment"})

    with pytest.raises(Retryable):
        run(venue.account(access(exchange.account())))


@pytest.mark.parametrize("change", FOREIGN)
def test_the_stream_tells_of_no_other_segment(exchange: IiflSimulator, venue: Venue, change: dict[str, Any]) -> None:
    mine = access(exchange.account())
    with Ear(venue.private_stream(mine)) as ear:
        ear.connected()
        for name, row in (("order", ORDER_ROW), ("trade", TRADE_ROW), ("position", POSITION_ROW)):
            exchange.tell(name, {**row, **change})
        run(venue.place(mine, resting()))
        ear.order(LONG_ID, "NEW")

    told = [event for event in ear.events if isinstance(event, OrderReport | FillReport | AccountReport)]
    assert {getattr(event, "client_order_id", None) for event in told} == {LONG_ID}


def test_a_bond_of_a_company_is_not_its_share(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.show("positions", {**POSITION_ROW, "ExchangeInstrumentId": "17999"})

    assert [held.symbol for held in run(venue.account(access(exchange.account()))).positions] == ["17999"]

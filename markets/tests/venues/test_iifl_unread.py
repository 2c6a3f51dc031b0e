"""One row that cannot be read is passed over with a warning: it hides no other, and ends no stream."""

from collections.abc import Iterator
from typing import Any

import pytest

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import LONG_ID, ORDER_ROW, TRADE_ROW, access, named, order, resting, venue_of
from markets.venues.base import Venue
from markets.venues.errors import Retryable
from tests.contract.ear import Ear
from tests.simulators.iifl import IiflSimulator

run = loop.run
ODD: list[dict[str, Any]] = [
    {"OrderStatus": "AMO Received"},
    {"OrderType": "BracketLimit"},
    {"OrderQuantity": "NaN"},
    {"ExchangeInstrumentID": None},
]


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        yield simulator


@pytest.fixture
def venue(exchange: IiflSimulator) -> Iterator[Venue]:
    with venue_of(exchange) as made:
        yield made


@pytest.mark.parametrize("change", ODD)
def test_open_orders_beside_it_are_told(
    exchange: IiflSimulator, venue: Venue, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    exchange.show("orders", {**ORDER_ROW, **change})
    mine = access(exchange.account())
    run(venue.place(mine, resting()))

    assert [each.client_order_id for each in run(venue.open_orders(mine))] == [LONG_ID]
    assert "passed over" in caplog.text


def test_its_own_order_is_asked_for_again_and_never_guessed(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.show("orders", {**ORDER_ROW, "OrderStatus": "AMO Received"})
    mine = access(exchange.account())
    run(venue.place(mine, resting()))

    with pytest.raises(Retryable):
        run(venue.query(mine, named(order(client_order_id="byhand"))))
    assert run(venue.query(mine, named(resting()))) is not None


@pytest.mark.parametrize(
    ("name", "row"),
    [
        *(("order", {**ORDER_ROW, **change}) for change in ODD),
        ("trade", {**TRADE_ROW, "LastTradedPrice": ""}),
        ("position", {}),
    ],
)
def test_a_stream_goes_on_behind_it(
    exchange: IiflSimulator, venue: Venue, name: str, row: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    mine = access(exchange.account())
    with Ear(venue.private_stream(mine)) as ear:
        ear.connected()
        exchange.tell(name, row)
        run(venue.place(mine, order()))
        ear.fill(LONG_ID)

    assert "passed over" in caplog.text

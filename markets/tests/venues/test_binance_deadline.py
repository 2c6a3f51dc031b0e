"""An order whose time has passed while it was prepared is not sent."""

import time

import pytest

from markets.tests.venues.exchange import House
from markets.venues.deadline import sending_until
from markets.venues.errors import Retryable
from markets.venues.vocabulary import OrderType, VenueStatus

ORDERS = {OrderType.LIMIT: "POST /fapi/v1/order", OrderType.STOP_MARKET: "POST /fapi/v1/algoOrder"}


@pytest.mark.parametrize("kind", ["lag", "lag_after"])
def test_a_clock_that_is_read_slowly_delays_no_order_beyond_its_deadline(usd_m: House, kind: str) -> None:
    usd_m.exchange.fault(kind, path="/fapi/v1/time", low=400, high=400)
    request = usd_m.order()

    with sending_until(time.monotonic() + 0.2), pytest.raises(Retryable) as late:
        usd_m.place(request)
    assert not late.value.after
    assert usd_m.seen(ORDERS[OrderType.LIMIT]) == 0
    assert usd_m.query(request) is None
    assert usd_m.place(request).status == VenueStatus.NEW


def test_a_list_of_contracts_that_is_read_slowly_delays_no_order_beyond_its_deadline(coin_m: House) -> None:
    coin_m.exchange.fault("lag_after", path="/dapi/v1/exchangeInfo", low=400, high=400)

    with sending_until(time.monotonic() + 0.2), pytest.raises(Retryable):
        coin_m.place(coin_m.order())
    assert coin_m.seen("POST /dapi/v1/order") == 0


def test_conditional_orders_keep_their_deadline_too(usd_m: House) -> None:
    changes = {"type": OrderType.STOP_MARKET, "stop_price": 80000, "price": None, "time_in_force": None}

    with sending_until(time.monotonic()), pytest.raises(Retryable):
        usd_m.place(usd_m.order(**changes))
    assert usd_m.seen(ORDERS[OrderType.STOP_MARKET]) == 0


def test_the_deadline_stops_orders_only(usd_m: House) -> None:
    request = usd_m.order()
    usd_m.place(request)

    with sending_until(time.monotonic()):
        assert usd_m.query(request)
        assert usd_m.cancel(request).status == VenueStatus.CANCELED


def test_the_deadline_ends_with_its_block(usd_m: House) -> None:
    with sending_until(time.monotonic()):
        pass

    assert usd_m.place(usd_m.order()).status == VenueStatus.NEW

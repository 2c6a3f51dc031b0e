"""A conditional order that was triggered is not gone while the venue does not list yet what it has become."""

from datetime import timedelta
from decimal import Decimal

import pytest

from markets.tests.venues.exchange import House
from markets.venues.base import OrderRequest
from markets.venues.errors import OutcomeUnknown, Retryable
from markets.venues.vocabulary import OrderType, VenueStatus

NOT_LISTED = {"method": "GET", "path": "/fapi/v1/order", "status": 400, "code": -2013}


@pytest.fixture
def triggered(usd_m: House) -> OrderRequest:
    """A stop to buy whose price was reached."""
    request = usd_m.order(type=OrderType.STOP_MARKET, stop_price=Decimal(80000), price=None, time_in_force=None)
    usd_m.place(request)
    usd_m.exchange.price("usd_m", usd_m.symbol, "81000")
    return request


def test_it_is_asked_for_again(usd_m: House, triggered: OrderRequest) -> None:
    usd_m.exchange.fault("error", **NOT_LISTED)
    with pytest.raises(Retryable) as early:
        usd_m.query(triggered)

    assert early.value.after == timedelta(seconds=1)
    known = usd_m.query(triggered)
    assert known
    assert known.status == VenueStatus.FILLED


def test_its_cancellation_is_not_answered_with_an_order_that_never_was(usd_m: House, triggered: OrderRequest) -> None:
    usd_m.exchange.fault("error", **NOT_LISTED)
    with pytest.raises((Retryable, OutcomeUnknown)):
        usd_m.cancel(triggered)

    assert usd_m.cancel(triggered).status == VenueStatus.FILLED

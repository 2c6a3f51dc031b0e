"""A machine whose clock is off signs right all the same."""

import asyncio
import time

import pytest

from markets.tests.venues.exchange import House
from markets.venues.base import OrderReport
from markets.venues.binance import gateway
from markets.venues.errors import Retryable
from markets.venues.vocabulary import VenueStatus
from tests.contract.bench import run

HOUR_MS = 3_600_000


@pytest.mark.parametrize("offset", [HOUR_MS, -HOUR_MS])
def test_the_first_order_of_a_skewed_machine_is_accepted(usd_m: House, offset: int) -> None:
    usd_m.exchange.clock(offset=offset)

    assert usd_m.place(usd_m.order()).status == VenueStatus.NEW


def test_clocks_are_compared_once(usd_m: House) -> None:
    for _ in range(3):
        usd_m.place(usd_m.order())

    assert usd_m.seen("GET /fapi/v1/time") == 1


def test_a_question_after_the_clock_has_changed_is_signed_anew(usd_m: House) -> None:
    request = usd_m.order()
    usd_m.place(request)
    usd_m.exchange.clock(offset=HOUR_MS)

    assert usd_m.query(request)
    assert usd_m.seen("GET /fapi/v1/time") == 2
    assert usd_m.seen("GET /fapi/v1/order") == 2


def test_an_order_after_the_clock_has_changed_is_not_sent_twice_but_the_next_one_is_accepted(usd_m: House) -> None:
    usd_m.place(usd_m.order())
    usd_m.exchange.clock(offset=HOUR_MS)
    request = usd_m.order()

    with pytest.raises(Retryable):
        usd_m.place(request)
    assert usd_m.seen("POST /fapi/v1/order") == 2
    assert usd_m.place(request).status == VenueStatus.NEW


def test_a_venue_that_goes_on_refusing_the_time_is_not_asked_for_ever(usd_m: House) -> None:
    request = usd_m.order()
    usd_m.place(request)
    usd_m.exchange.fault("error", method="GET", path="/fapi/v1/order", status=400, code=-1021, count=None)

    with pytest.raises(Retryable):
        usd_m.query(request)
    assert usd_m.seen("GET /fapi/v1/order") == 2


def test_a_reading_that_took_long_is_used_and_read_again(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "LONGEST_READING_SECONDS", 0.2)
    usd_m.exchange.fault("lag_after", path="/fapi/v1/time", low=300, high=300)

    for seen in (1, 2, 2):
        assert usd_m.place(usd_m.order()).status == VenueStatus.NEW
        assert usd_m.seen("GET /fapi/v1/time") == seen


@pytest.mark.parametrize("kind", ["lag", "lag_after"])
def test_no_reading_lets_requests_come_from_the_venue_s_future(usd_m: House, kind: str) -> None:
    usd_m.exchange.fault(kind, path="/fapi/v1/time", low=400, high=400)
    usd_m.place(usd_m.order())

    assert usd_m.adapter.gateway.client.now_ms() <= time.time() * 1000


def test_many_who_wait_for_a_slow_reading_share_it(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "LONGEST_READING_SECONDS", 0.0)
    usd_m.exchange.fault("lag_after", path="/fapi/v1/time", low=200, high=200, count=None)
    orders = [usd_m.order() for _ in range(20)]

    async def place_all() -> list[OrderReport]:
        return await asyncio.gather(*(usd_m.adapter.place(usd_m.access, order) for order in orders))

    assert {report.status for report in run(place_all())} == {VenueStatus.NEW}
    assert usd_m.seen("GET /fapi/v1/time") == 1

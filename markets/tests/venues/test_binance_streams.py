"""Binance's streams end when their key does, and say so."""

import msgspec
import pytest

from markets.tests.venues.exchange import House, eventually
from markets.venues.base import AccountAccess, Credentials, StreamConnected
from markets.venues.binance import streams
from markets.venues.binance.client import signature
from markets.venues.errors import AuthFailed, VenueDown
from markets.venues.vocabulary import VenueStatus
from tests.contract.bench import run
from tests.contract.ear import Ear


def listen(house: House) -> Ear:
    return Ear(house.adapter.private_stream(house.access))


def test_a_key_that_expires_ends_the_stream_and_the_next_stream_has_a_new_one(usd_m: House) -> None:
    with listen(usd_m) as ear:
        ear.connected()
        usd_m.exchange.expire_listen_keys()
        assert isinstance(ear.end(), VenueDown)
    with listen(usd_m) as again:
        again.connected()
        request = usd_m.order()
        usd_m.place(request)

        again.order(request.client_order_id, VenueStatus.NEW)


def test_the_key_is_made_to_last(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)
    with listen(usd_m) as ear:
        ear.connected()
        request = usd_m.order()
        eventually(lambda: usd_m.seen("PUT /fapi/v1/listenKey") >= 2)
        usd_m.place(request)

        ear.order(request.client_order_id, VenueStatus.NEW)


def test_a_key_that_is_gone_when_it_is_to_last_ends_the_stream(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)
    usd_m.exchange.fault("error", method="PUT", status=400, code=-1125, message="This listenKey does not exist.")
    with listen(usd_m) as ear:
        ear.connected()

        assert isinstance(ear.end(), VenueDown)


def test_trouble_when_the_key_is_to_last_does_not_end_the_stream(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(streams, "KEEP_RETRY_SECONDS", 0.01)
    usd_m.exchange.fault("error", method="PUT", status=502)
    with listen(usd_m) as ear:
        ear.connected()
        eventually(lambda: usd_m.seen("PUT /fapi/v1/listenKey") >= 2)
        request = usd_m.order()
        usd_m.place(request)

        ear.order(request.client_order_id, VenueStatus.NEW)


@pytest.mark.parametrize("slug", ["spot", "usd_m", "coin_m"])
def test_a_stream_for_a_key_that_is_no_good_is_refused(slug: str, request: pytest.FixtureRequest) -> None:
    house = request.getfixturevalue(slug)
    house.access = AccountAccess("2", Credentials("k" * 64, "s" * 64))
    with listen(house) as ear:
        assert isinstance(ear.end(), AuthFailed)
        assert ear.events == []


def test_a_stream_without_a_key_is_refused(spot: House) -> None:
    spot.access = AccountAccess("2")
    with listen(spot) as ear:
        assert isinstance(ear.end(), AuthFailed)


def test_events_that_come_twice_are_told_twice_under_the_same_numbers(usd_m: House) -> None:
    usd_m.exchange.fault("stream_duplicate", event="ORDER_TRADE_UPDATE", count=None)
    with listen(usd_m) as ear:
        ear.connected()
        request = usd_m.order()
        usd_m.place(request)
        ear.order(request.client_order_id, VenueStatus.NEW)
        usd_m.cancel(request)
        ear.order(request.client_order_id, VenueStatus.CANCELED)

    assert isinstance(ear.events[0], StreamConnected)


def test_the_spot_subscription_is_signed_in_the_order_of_names(spot: House) -> None:
    client = spot.adapter.gateway.client
    run(spot.adapter.gateway.compare_clocks())
    signed = client.sign_websocket(Credentials("key", "secret"), {"zeta": "1"})

    payload = "&".join(f"{name}={signed[name]}" for name in sorted(signed) if name != "signature")
    assert signed["signature"] == signature("secret", payload)
    assert msgspec.json.encode(signed)

"""Watched prices reach Redis and the paper orders, by stream or by asking, whatever breaks on the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from markets.feed import Mailbox
from markets.models import Market, PriceWatch
from markets.prices import is_stale, prices_read
from markets.selectors.prices import price_feeds_wanted
from markets.services.refresh import markets_refresh
from markets.services.watch import price_watch_want, prices_fetch
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.base import PriceReport
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import MarketKind
from markets.watching import PriceWatching
from tests.simulators.binance import BinanceSimulator

SPOT, USD_M = MarketKind.SPOT, MarketKind.USD_M
PATIENCE_SECONDS = 20.0


def report(symbol: str = "BTCUSDT", kind: MarketKind = SPOT, **prices: Any) -> PriceReport:
    return PriceReport(symbol, kind, timezone.now(), **{name: Decimal(text) for name, text in prices.items()})


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)
    return value


def price(symbol: str = "BTCUSDT", venue: str = "binance", kind: MarketKind = SPOT) -> PriceReport | None:
    return prices_read(venue, kind, [symbol]).get(symbol)


@contextmanager
def watching() -> Iterator[None]:
    stop = threading.Event()

    def watch() -> None:
        PriceWatching(stop).run()
        connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def venue(settings: Any) -> Iterator[FakeVenue]:
    settings.TRADING_SYMBOLS = ("BTCUSDT",)
    settings.TRADING_MARKET_TYPES = ("spot",)
    settings.PRICE_SYNC_SECONDS = 1
    fake = FakeVenue()
    with venues(binance=fake):
        yield fake


@pytest.fixture
def matched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[PriceReport]]]:
    calls: list[tuple[str, list[PriceReport]]] = []
    monkeypatch.setattr("markets.watching.paper_match", lambda *, venue, prices: calls.append((venue, list(prices))))
    return calls


@pytest.mark.django_db
def test_the_markets_of_the_settings_and_those_in_use_are_watched(venue: FakeVenue, settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "NOPEUSDT")
    venue.specs = [spec(), spec("ETHUSDT"), spec("SOLUSDT")]
    markets_refresh(venue="binance")
    assert price_feeds_wanted() == {("binance", SPOT): frozenset({"BTCUSDT"})}
    other = Market.objects.create(venue="kraken", symbol="XBT/USD", kind="spot", status="on")
    ether = Market.objects.get(symbol="ETHUSDT")

    price_watch_want([ether.pk, other.pk, ether.pk, 0])
    price_watch_want([ether.pk])

    assert price_feeds_wanted() == {
        ("binance", SPOT): frozenset({"BTCUSDT", "ETHUSDT"}),
        ("kraken", SPOT): frozenset({"XBT/USD"}),
    }
    assert PriceWatch.objects.count() == 2
    Market.objects.filter(pk=other.pk).update(delisted_at=timezone.now())
    assert ("kraken", SPOT) not in price_feeds_wanted()


@pytest.mark.django_db
def test_prices_can_be_asked_for_at_once(venue: FakeVenue) -> None:
    venue.reports = [report(last="100", bid="99", ask="101")]

    found = prices_fetch(venue="binance", kind=SPOT, symbols=["BTCUSDT", "NOPE"])

    assert found == {"BTCUSDT": price()}
    assert found["BTCUSDT"].last == 100


def test_waiting_reports_of_a_symbol_become_one(venue: FakeVenue) -> None:
    mailbox, older = Mailbox(), report(bid="99", ask="101")
    mailbox.put("binance", older)
    mailbox.put("binance", replace(report(mark="100"), time=older.time + timedelta(seconds=1)))
    mailbox.put("kraken", report("ETHUSDT", last="5"))

    taken = mailbox.take(timeout=1)

    [merged] = taken["binance"]
    assert [merged.bid, merged.ask, merged.mark, merged.last] == [99, 101, 100, None]
    assert merged.time == older.time + timedelta(seconds=1)
    assert mailbox.take(timeout=0) == {}


@pytest.mark.django_db(transaction=True)
def test_prices_come_by_the_stream_and_paper_orders_see_them(venue: FakeVenue, matched: list[Any]) -> None:
    markets_refresh(venue="binance")
    venue.reports = [report(bid="99", ask="101"), report(mark="100")]

    with watching():
        until(lambda: matched and (known := price()) and known.mark)

    known = price()
    assert known is not None
    assert [known.bid, known.ask, known.mark] == [99, 101, 100]
    assert not is_stale(known, timezone.now())
    assert matched[-1][0] == "binance"
    assert ("stream", SPOT, ("BTCUSDT",)) in venue.asked


@pytest.mark.django_db(transaction=True)
def test_where_the_stream_is_broken_prices_are_asked_for(venue: FakeVenue, matched: list[Any]) -> None:
    markets_refresh(venue="binance")
    venue.reports = [report(last="100")]
    venue.broken = {"stream": VenueDown("no stream today")}

    with watching():
        until(lambda: price() and len([asked for asked in venue.asked if asked[0] == "stream"]) > 1)
        venue.reports = [report(last="105")]
        until(lambda: (known := price()) and known.last == 105)


@pytest.mark.django_db(transaction=True)
def test_a_market_that_is_wanted_later_is_watched_without_a_restart(venue: FakeVenue, matched: list[Any]) -> None:
    markets_refresh(venue="binance")
    venue.reports = [report(last="100"), report("ETHUSDT", last="7")]
    venue.broken = {"stream": VenueDown("no stream today")}
    with watching():
        until(price)
        assert price("ETHUSDT") is None

        price_watch_want([Market.objects.get(symbol="ETHUSDT").pk])

        until(lambda: price("ETHUSDT"))


@pytest.mark.django_db(transaction=True)
def test_a_failing_match_or_venue_does_not_end_the_watch(
    venue: FakeVenue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("surprise")

    monkeypatch.setattr("markets.watching.paper_match", fail)
    markets_refresh(venue="binance")
    venue.reports = [report(last="100")]
    venue.broken = {"stream": ValueError("odd"), "prices": ValueError("odd")}
    with watching():
        until(lambda: len([asked for asked in venue.asked if asked[0] == "prices"]) > 1)
        venue.broken = {}
        until(price)
        until(lambda: "Matching paper orders of binance" in caplog.text)


@pytest.mark.django_db(transaction=True)
def test_prices_come_from_binances_streams_and_again_after_they_broke(
    exchange: BinanceSimulator, settings: Any
) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "ETHUSDT")
    settings.TRADING_MARKET_TYPES = ("spot", "usd_m")
    for slug in ("binance", "binanceusdm"):
        markets_refresh(venue=slug)

    with watching():
        until(lambda: price() and price("ETHUSDT", "binanceusdm", USD_M))
        until(lambda: exchange.counts()["sockets"])
        exchange.kill_sockets()
        exchange.price("usd_m", "BTCUSDT", "64321.5")
        until(lambda: exchange.counts()["sockets"])
        until(
            lambda: (known := price("BTCUSDT", "binanceusdm", USD_M)) and round(known.bid or 0) in range(64310, 64330)
        )


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_with_sigterm(exchange: BinanceSimulator, settings: Any) -> None:
    parts = connection.settings_dict
    database = f"postgresql://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"
    markets_refresh(venue="binance")
    environment = {
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "BINANCE_SPOT_URL": exchange.url,
        "BINANCE_SPOT_STREAM_URL": exchange.ws_url,
        "TRADING_MARKET_TYPES": "spot",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch_prices"],
        env={**os.environ, **environment},
        cwd=django_settings.BASE_DIR,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: price() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "Unclosed" not in errors

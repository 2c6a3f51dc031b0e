"""Candles from the store and contracts from the venue, under the proxy's paths, with their age."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from copytrade.accounts.services import api_key_create
from copytrade.lib.redis import client as client_of
from copytrade.lib.wire import iso_time, to_milliseconds
from markets import live
from markets.models import Candle, CandleSeries
from markets.services.candles import candles_sync
from markets.services.refresh import markets_refresh
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.errors import RateLimited, VenueDown
from markets.venues.vocabulary import MarketKind
from tests.factories import make_user
from tests.simulators.binance import BinanceSimulator

pytestmark = pytest.mark.django_db
KLINES = "/api/binance/futures/klines"
MARK, INTEREST = "/api/binance/futures/markPrice", "/api/binance/futures/openInterest"
HISTORY = "/api/binance/futures/openInterestHist"


@pytest.fixture(autouse=True)
def _small(settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT",)
    settings.TRADING_INTERVALS = ("1m", "1h")
    settings.TRADING_MARKET_TYPES = ("spot", "usd_m", "coin_m")


@pytest.fixture
def caller(client: Client) -> Client:
    client.force_login(make_user())
    return client


def get(client: Client, path: str, status: int = 200) -> Any:
    response = client.get(path)
    assert response.status_code == status, response.content
    return response.json()


def synced(now: datetime) -> dict[str, FakeVenue]:
    fakes = {
        "binance": FakeVenue(now=now),
        "binanceusdm": FakeVenue(now=now, specs=[spec(kind=MarketKind.USD_M), spec("XRPUSDT", MarketKind.USD_M)]),
        "binancecoinm": FakeVenue(now=now, specs=[spec("BTCUSD_PERP", MarketKind.COIN_M)]),
    }
    with venues(**fakes):
        candles_sync(now=now, page=20, backfill_pages=0)
    return fakes


def test_the_latest_candles_come_oldest_first_with_their_freshness(caller: Client) -> None:
    now = timezone.now()
    synced(now)

    answer = get(caller, f"{KLINES}?symbol=btcusdt&interval=1m&limit=3")

    minute = now.replace(second=0, microsecond=0)
    assert [row["open_time"] for row in answer["data"]] == [
        iso_time(minute - timedelta(minutes=back)) for back in (2, 1, 0)
    ]
    assert answer["data"][0]["closed"] is True
    assert answer["data"][0]["close_price"] == "100"
    assert answer["data"][0]["quote_volume"] == "150"
    meta = answer["meta"]
    assert (meta["symbol"], meta["market_type"], meta["interval"], meta["limit"]) == ("BTCUSDT", "usd_m", "1m", 3)
    assert meta["last_sync_at"] == iso_time(now)
    assert 0 <= meta["lag_seconds"] < 60


@pytest.mark.parametrize(("kind", "symbol"), [("spot", "BTCUSDT"), ("usd_m", "BTCUSDT"), ("coin_m", "BTCUSD_PERP")])
@pytest.mark.parametrize("name", ["market_type", "marketType"])
def test_candles_of_every_market_type_are_here(caller: Client, kind: str, symbol: str, name: str) -> None:
    synced(timezone.now())

    answer = get(caller, f"{KLINES}?symbol=BTCUSDT&interval=1h&{name}={kind}")

    assert (answer["meta"]["symbol"], answer["meta"]["market_type"], len(answer["data"])) == (symbol, kind, 20)


def test_candles_of_a_span_begin_with_its_start(caller: Client) -> None:
    now = timezone.now()
    synced(now)
    hour = now.replace(minute=0, second=0, microsecond=0)
    start, end = (to_milliseconds(hour - timedelta(hours=hours)) for hours in (9, 5))

    opens = [row["open_time"] for row in get(caller, f"{KLINES}?symbol=BTCUSDT&interval=1h&startTime={start}")["data"]]
    assert (opens[0], len(opens)) == (iso_time(hour - timedelta(hours=9)), 10)
    both = get(caller, f"{KLINES}?symbol=BTCUSDT&interval=1h&startTime={start}&endTime={end}&limit=2")["data"]
    assert [row["open_time"] for row in both] == opens[:2]
    until = get(caller, f"{KLINES}?symbol=BTCUSDT&interval=1h&endTime={end}&limit=1")["data"]
    assert [row["open_time"] for row in until] == [iso_time(hour - timedelta(hours=5))]


def test_a_symbol_without_candles_has_none_and_an_unknown_one_is_404(caller: Client) -> None:
    synced(timezone.now())

    nothing = get(caller, f"{KLINES}?symbol=XRPUSDT&interval=1m")
    assert (nothing["data"], nothing["meta"]["last_sync_at"], nothing["meta"]["lag_seconds"]) == ([], None, None)
    assert get(caller, f"{KLINES}?symbol=NOPEUSDT&interval=1m", 404)["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "query",
    [
        "interval=1m",
        "symbol=&interval=1m",
        "symbol=BTCUSDT",
        "symbol=BTCUSDT&interval=7m",
        "symbol=BTCUSDT&interval=1m&limit=1501",
        "symbol=BTCUSDT&interval=1m&limit=0",
        "symbol=BTCUSDT&interval=1m&startTime=2026-01-01",
        "symbol=BTCUSDT&interval=1m&startTime=2000&endTime=1000",
        "symbol=BTCUSDT&interval=1m&market_type=margin",
        "symbol=BTC%00&interval=1m",
        f"symbol={'X' * 65}&interval=1m",
    ],
)
def test_wrong_parameters_are_named(caller: Client, query: str) -> None:
    assert get(caller, f"{KLINES}?{query}", 400)["error"]["code"] == "VALIDATION_ERROR"


def test_reading_needs_a_login_or_a_key_with_its_scope(client: Client) -> None:
    synced(timezone.now())
    path = f"{KLINES}?symbol=BTCUSDT&interval=1m"
    assert client.get(path).status_code == 401
    for scopes, status in ((["read"], 200), (["trade"], 200), (["ingest"], 403)):
        _, key = api_key_create(name="n8n", scopes=scopes, user=make_user())
        assert client.get(path, headers={"X-API-Key": key}).status_code == status


def test_the_mark_price_comes_from_the_venue_and_is_kept_for_two_seconds(caller: Client) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    fake.answers["mark_price"] = {"markPrice": "86230.10", "lastFundingRate": "", "time": 1_770_249_900_000}
    with venues(binanceusdm=fake), time_machine.travel(timezone.now(), tick=False) as clock:
        fake.asked = []
        first = get(caller, f"{MARK}?symbol=BTCUSDT")
        clock.shift(1.5)
        second = get(caller, f"{MARK}?symbol=BTCUSDT")
        assert len(fake.asked) == 1
        clock.shift(1)
        get(caller, f"{MARK}?symbol=BTCUSDT")

    assert len(fake.asked) == 2
    assert first["data"]["mark_price"] == "86230.10"
    assert (first["data"]["last_funding_rate"], first["data"]["index_price"]) == (None, None)
    assert first["data"]["time"] == "2026-02-05T00:05:00.000Z"
    assert (first["meta"]["age_ms"], first["meta"]["stale"]) == (0, False)
    assert (second["data"], second["meta"]["age_ms"]) == (first["data"], 1500)


def test_where_the_venue_fails_the_last_answer_is_shown_as_stale(caller: Client) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    fake.answers["open_interest"] = {"openInterest": "91234.567", "time": 1_770_249_900_000}
    with venues(binanceusdm=fake), time_machine.travel(timezone.now(), tick=False) as clock:
        get(caller, f"{INTEREST}?symbol=BTCUSDT")
        fake.broken = {"open_interest": VenueDown("closed")}
        clock.shift(3600)
        answer = get(caller, f"{INTEREST}?symbol=BTCUSDT")

    assert answer["data"]["open_interest"] == "91234.567"
    assert (answer["meta"]["stale"], answer["meta"]["age_ms"]) == (True, 3_600_000)


def test_after_a_failure_the_last_answer_is_shown_without_asking_again(caller: Client, settings: Any) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    fake.answers["mark_price"] = {"markPrice": "1"}
    with venues(binanceusdm=fake), time_machine.travel(timezone.now(), tick=False) as clock:
        get(caller, f"{MARK}?symbol=BTCUSDT")
        fake.broken = {"mark_price": VenueDown("closed")}
        clock.shift(60)
        get(caller, f"{MARK}?symbol=BTCUSDT")
        fake.broken, fake.asked, fake.answers = {}, [], {"mark_price": {"markPrice": "2"}}

        kept = get(caller, f"{MARK}?symbol=BTCUSDT")
        assert (kept["data"]["mark_price"], kept["meta"]["stale"], fake.asked) == ("1", True, [])
        redis = client_of(settings.REDIS_URL)
        [failed] = redis.keys("copytrade:live:*:failed")
        assert 0 < redis.ttl(failed) <= 10
        redis.delete(failed)
        fresh = get(caller, f"{MARK}?symbol=BTCUSDT")

    assert (fresh["data"]["mark_price"], fresh["meta"]["stale"]) == ("2", False)


def test_nobody_waits_for_a_venue_that_hangs_while_an_answer_is_at_hand(
    caller: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HASTE_SECONDS", 0.05)
    fake = synced(timezone.now())["binanceusdm"]
    fake.answers["mark_price"] = {"markPrice": "1"}
    with venues(binanceusdm=fake), time_machine.travel(timezone.now(), tick=False) as clock:
        get(caller, f"{MARK}?symbol=BTCUSDT")
        fake.hangs, fake.asked = True, []
        clock.shift(60)
        answers = [get(caller, f"{MARK}?symbol=BTCUSDT") for _ in range(3)]

    assert [answer["meta"]["stale"] for answer in answers] == [True] * 3
    assert len(fake.asked) == 1


def test_a_venue_that_fails_before_anything_was_known_is_said(caller: Client) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    with venues(binanceusdm=fake):
        fake.broken = {"mark_price": VenueDown("closed")}
        assert get(caller, f"{MARK}?symbol=BTCUSDT", 503)["error"]["code"] == "VENUE_UNAVAILABLE"
        fake.broken = {"mark_price": RateLimited("slow", until=timezone.now() + timedelta(seconds=30))}
        response = caller.get(f"{MARK}?symbol=BTCUSDT")
        assert (response.status_code, response.json()["error"]["code"]) == (429, "VENUE_RATE_LIMITED")
        assert 25 <= int(response["Retry-After"]) <= 30


def test_a_symbol_that_the_venue_refuses_is_told_in_its_words(caller: Client) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    fake.specs = []
    with venues(binanceusdm=fake):
        error = get(caller, f"{MARK}?symbol=BTCUSDT", 422)["error"]

    assert error["code"] == "VENUE_REJECTED"
    assert (error["details"]["venue_code"], error["details"]["venue_message"]) == ("-1121", "Invalid symbol.")


def test_without_redis_the_venue_is_asked_each_time(caller: Client, settings: Any) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    fake.answers["mark_price"] = {"markPrice": "1"}
    fake.asked = []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with venues(binanceusdm=fake):
        for _ in range(2):
            assert get(caller, f"{MARK}?symbol=BTCUSDT")["data"]["mark_price"] == "1"

    assert len(fake.asked) == 2


@pytest.mark.parametrize("query", ["", "&period=7m", "&period=5m&limit=501", "&period=5m&market_type=spot"])
def test_the_history_needs_a_period_that_exists(caller: Client, query: str) -> None:
    synced(timezone.now())

    assert get(caller, f"{HISTORY}?symbol=BTCUSDT{query}", 400)["error"]["code"] == "VALIDATION_ERROR"


def test_a_history_that_binance_no_longer_has_is_refused_in_words(caller: Client) -> None:
    fake = synced(timezone.now())["binanceusdm"]
    fake.answers["open_interest_history"] = []
    old, young = (to_milliseconds(timezone.now() - timedelta(days=days)) for days in (31, 29))
    with venues(binanceusdm=fake):
        error = get(caller, f"{HISTORY}?symbol=BTCUSDT&period=1d&startTime={old}", 400)["error"]
        assert get(caller, f"{HISTORY}?symbol=BTCUSDT&period=1d&startTime={young}")["data"] == []

    assert error["code"] == "VALIDATION_ERROR"
    assert "30 days" in str(error)


def test_spot_has_no_mark_price(caller: Client) -> None:
    synced(timezone.now())

    assert "usd_m, coin_m" in get(caller, f"{MARK}?symbol=BTCUSDT&market_type=spot", 400)["error"]["message"]


@pytest.mark.parametrize(("kind", "symbol"), [("usd_m", "BTCUSDT"), ("coin_m", "BTCUSD_PERP")])
def test_everything_works_with_binances_own_words(
    caller: Client, exchange: BinanceSimulator, kind: str, symbol: str
) -> None:
    for venue in ("binanceusdm", "binancecoinm"):
        markets_refresh(venue=venue)
    query = f"symbol=BTCUSDT&market_type={kind}"

    mark = get(caller, f"{MARK}?{query}")["data"]
    assert (mark["symbol"], float(mark["mark_price"]) > 0, mark["next_funding_time"] is not None) == (
        symbol,
        True,
        True,
    )
    assert float(get(caller, f"{INTEREST}?{query}")["data"]["open_interest"]) > 0
    history = get(caller, f"{HISTORY}?{query}&period=5m&limit=5")["data"]
    assert len(history) == 5
    assert history == sorted(history, key=lambda row: row["timestamp"])


def test_candles_of_a_series_that_stopped_show_how_far_behind_they_are(caller: Client) -> None:
    now = timezone.now()
    synced(now)
    CandleSeries.objects.update(last_success_at=now - timedelta(hours=2))
    assert get(caller, f"{KLINES}?symbol=BTCUSDT&interval=1m")["meta"]["lag_seconds"] >= 7200
    assert Candle.objects.exists()

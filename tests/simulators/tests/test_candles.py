"""Klines: whole, joined, and the same whenever they are asked for."""

import itertools
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.simulators.tests.client import API, DAPI, FAPI, Client

MINUTE = 60_000
MONDAY, SUNDAY = 1_780_272_000_000, 1_780_790_400_000  # 2026-06-01, 2026-06-07
PATHS = {"spot": (API, "BTCUSDT"), "usd_m": (FAPI, "BTCUSDT"), "coin_m": (DAPI, "BTCUSD_PERP")}


def _rows(client: Client, market: str, interval: Any = "1m", **params: Any) -> list[list[Any]]:
    path, symbol = PATHS[market]
    rows: list[list[Any]] = client.public(f"{path}klines", symbol=symbol, interval=interval, **params)
    return rows


@pytest.mark.parametrize("market", PATHS)
@pytest.mark.parametrize("interval", ["1m", "4h", "1w", "1M"])
def test_candles_join_on_to_each_other(client: Client, market: str, interval: str) -> None:
    rows = _rows(client, market, interval, limit=50)
    assert len(rows) == 50
    assert all(len(row) == 12 for row in rows)
    for one, other in itertools.pairwise(rows):
        assert one[6] + 1 == other[0]
        assert one[4] == other[1]
    for row in rows:
        low, high = Decimal(row[3]), Decimal(row[2])
        assert low <= min(Decimal(row[1]), Decimal(row[4])) <= max(Decimal(row[1]), Decimal(row[4])) <= high
        assert Decimal(row[9]) <= Decimal(row[5])


def test_only_the_last_candle_is_open_and_closes_at_the_present_price(client: Client) -> None:
    client.exchange.price("usd_m", "BTCUSDT", "77123.40")
    now = int(time.time() * 1000)
    *closed, last = _rows(client, "usd_m", limit=3)
    assert all(row[6] < now for row in closed)
    assert last[6] >= now
    assert last[4] == "77123.40"


def test_closed_candles_stay_as_they_are(client: Client) -> None:
    span = {"startTime": MONDAY, "endTime": MONDAY + 99 * MINUTE}
    first = _rows(client, "usd_m", **span)
    client.exchange.price("usd_m", "BTCUSDT", "99999.90")
    assert len(first) == 100
    assert _rows(client, "usd_m", **span) == first
    assert _rows(client, "usd_m", startTime=MONDAY + 40 * MINUTE, limit=10) == first[40:50]


def test_intervals_agree_at_their_boundaries(client: Client) -> None:
    minutes = _rows(client, "spot", startTime=MONDAY, limit=60)
    [hour] = _rows(client, "spot", "1h", startTime=MONDAY, limit=1)
    assert (hour[1], hour[4]) == (minutes[0][1], minutes[-1][4])


def test_a_start_gives_the_oldest_and_an_end_the_latest(client: Client) -> None:
    assert [row[0] for row in _rows(client, "spot", startTime=MONDAY + 1, limit=2)] == [
        MONDAY + MINUTE,
        MONDAY + 2 * MINUTE,
    ]
    assert [row[0] for row in _rows(client, "spot", endTime=MONDAY + 1, limit=2)] == [MONDAY - MINUTE, MONDAY]


def test_weeks_begin_on_monday_and_months_on_the_first(client: Client) -> None:
    assert _rows(client, "usd_m", "1w", endTime=SUNDAY, limit=1)[0][0] == MONDAY
    assert [row[0] for row in _rows(client, "usd_m", "1M", endTime=SUNDAY, limit=2)] == [1_777_593_600_000, MONDAY]


def test_a_gap_leaves_candles_out(client: Client) -> None:
    client.exchange.gap("usd_m", "BTCUSDT", "1m", MONDAY + 2 * MINUTE, MONDAY + 4 * MINUTE)
    span = {"startTime": MONDAY, "endTime": MONDAY + 9 * MINUTE}
    assert [(row[0] - MONDAY) // MINUTE for row in _rows(client, "usd_m", **span)] == [0, 1, 5, 6, 7, 8, 9]
    assert len(_rows(client, "spot", **span)) == 10
    client.exchange.clear_gaps()
    assert len(_rows(client, "usd_m", **span)) == 10


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        (FAPI, {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        (FAPI, {"symbol": "BTCUSDT", "interval": "1s"}, -1120),
        (FAPI, {"symbol": "BTCUSDT", "interval": "1H"}, -1120),
        (FAPI, {"symbol": "BTCUSDT", "interval": "1m", "limit": 2000}, -1130),
        (API, {"symbol": "BTCUSDT", "interval": "1m", "limit": 1001}, -1130),
        (API, {"symbol": "NONSENSE", "interval": "1m"}, -1121),
        (API, {"symbol": "BTCUSDT"}, -1102),
    ],
)
def test_what_cannot_be_served_is_refused(client: Client, path: str, params: dict[str, str], code: int) -> None:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    reply = client.raw("GET", f"{path}klines?{query}")
    assert (reply.status, reply.code) == (400, code)


def test_seconds_exist_on_the_spot_market(client: Client) -> None:
    assert [row[0] for row in _rows(client, "spot", "1s", startTime=MONDAY, limit=2)] == [MONDAY, MONDAY + 1000]


def test_coin_m_gives_the_latest_of_two_hundred_days_where_no_end_is_sent(client: Client) -> None:
    start, day = MONDAY - 400 * 1440 * MINUTE, 1440 * MINUTE
    assert _rows(client, "usd_m", "1d", startTime=start, limit=10)[0][0] == start
    rows = _rows(client, "coin_m", "1d", startTime=start, limit=10)
    assert [row[0] for row in rows] == [start + number * day for number in range(191, 201)]
    bounded = _rows(client, "coin_m", "1d", startTime=start, endTime=start + 10 * day - 1, limit=10)
    assert [row[0] for row in bounded] == [start + number * day for number in range(10)]


def test_coin_m_refuses_more_than_two_hundred_days(client: Client) -> None:
    end = MONDAY + 201 * 1440 * MINUTE
    query = f"symbol=BTCUSD_PERP&interval=1d&startTime={MONDAY}&endTime={end}"
    reply = client.raw("GET", f"{DAPI}klines?{query}")
    assert (reply.status, reply.code) == (400, -1127)

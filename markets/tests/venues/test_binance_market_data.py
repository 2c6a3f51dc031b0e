"""Market data of Binance, where its houses differ."""

from datetime import UTC, datetime, timedelta

import pytest

from markets.intervals import shift
from markets.tests.venues.exchange import House
from markets.venues.errors import NotSupported, Retryable, VenueDown
from tests.contract.bench import run


def test_spot_names_all_symbols_in_one_question_and_asks_for_all_where_one_is_unknown(spot: House) -> None:
    for table in ("price", "bookTicker"):
        spot.exchange.fault("error", path=f"/api/v3/ticker/{table}", status=400, code=-1121)
    found = run(spot.adapter.prices(spot.kind, ["BTCUSDT", "ETHUSDT", "GONE"]))

    assert [price.symbol for price in found] == ["BTCUSDT", "ETHUSDT"]
    assert spot.seen("GET /api/v3/ticker/price") == 2


def test_the_mark_price_is_one_object_at_every_house(usd_m: House, coin_m: House) -> None:
    for opened in (usd_m, coin_m):
        row = run(opened.adapter.mark_price(opened.symbol, opened.kind))
        assert row["symbol"] == opened.symbol


def test_spot_has_neither_mark_price_nor_open_interest(spot: House) -> None:
    with pytest.raises(NotSupported):
        run(spot.adapter.mark_price(spot.symbol, spot.kind))
    with pytest.raises(NotSupported):
        run(spot.adapter.open_interest(spot.symbol, spot.kind))


@pytest.mark.parametrize("slug", ["usd_m", "coin_m"])
def test_the_history_of_open_interest_between_two_moments(slug: str, request: pytest.FixtureRequest) -> None:
    opened = request.getfixturevalue(slug)
    end = datetime.now(UTC)
    start = end - timedelta(hours=1)
    rows = run(opened.adapter.open_interest_history(opened.symbol, opened.kind, "5m", limit=500, start=start, end=end))

    assert 12 <= len(rows) <= 13
    assert all(start.timestamp() * 1000 <= row["timestamp"] <= end.timestamp() * 1000 for row in rows)


def test_no_more_candles_are_asked_for_than_binance_gives(usd_m: House) -> None:
    assert len(run(usd_m.adapter.candles(usd_m.symbol, usd_m.kind, "1m", start=None, limit=5000))) == 1000


@pytest.mark.parametrize(
    ("fault", "error"), [("garbage", Retryable), ("drop_before", VenueDown), ("unknown_503", Retryable)]
)
def test_a_question_that_fails_may_be_asked_again(usd_m: House, fault: str, error: type[Exception]) -> None:
    usd_m.exchange.fault(fault, path="/fapi/v1/openInterest")
    with pytest.raises(error):
        run(usd_m.adapter.open_interest(usd_m.symbol, usd_m.kind))

    assert run(usd_m.adapter.open_interest(usd_m.symbol, usd_m.kind))["symbol"] == usd_m.symbol


@pytest.mark.parametrize("slug", ["spot", "usd_m", "coin_m"])
@pytest.mark.parametrize(("interval", "limit"), [("1m", 100), ("1h", 1000), ("1d", 150), ("1w", 20)])
def test_candles_from_a_start_are_the_oldest_from_there_on(
    slug: str, interval: str, limit: int, request: pytest.FixtureRequest
) -> None:
    opened = request.getfixturevalue(slug)
    start = datetime(2025, 1, 6, tzinfo=UTC)
    found = run(opened.adapter.candles(opened.symbol, opened.kind, interval, start=start, limit=limit))

    assert [candle.open_time for candle in found] == [shift(interval, start, step) for step in range(limit)]


def test_candles_of_an_inverse_contract_end_with_two_hundred_days(coin_m: House) -> None:
    start = datetime(2025, 1, 6, tzinfo=UTC)
    found = run(coin_m.adapter.candles(coin_m.symbol, coin_m.kind, "1d", start=start, limit=1000))

    assert (found[0].open_time, found[-1].open_time) == (start, start + timedelta(days=200))


def test_a_start_in_the_present_gives_the_open_candle_of_an_inverse_contract(coin_m: House) -> None:
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    [found] = run(coin_m.adapter.candles(coin_m.symbol, coin_m.kind, "1d", start=start, limit=3))

    assert found.open_time == start

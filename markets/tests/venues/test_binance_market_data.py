"""Market data of Binance, where its houses differ."""

from datetime import UTC, datetime, timedelta

import pytest

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
    usd_m.exchange.fault(fault, path="/fapi/v1/openInterest", count=2 if fault == "drop_before" else 1)
    with pytest.raises(error):
        run(usd_m.adapter.open_interest(usd_m.symbol, usd_m.kind))

    assert run(usd_m.adapter.open_interest(usd_m.symbol, usd_m.kind))["symbol"] == usd_m.symbol

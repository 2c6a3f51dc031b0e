"""Anybody may look at markets; staff have them refreshed."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import Mock, patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu.exceptions import OperationalError

from copytrade.accounts.services import api_key_create
from markets.models import Market
from markets.prices import prices_write
from markets.services.refresh import markets_refresh
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db
TASK = "2f0e3a52-8c0b-4a6f-9a53-0f3a5d1b7c11"


@pytest.fixture(autouse=True)
def _markets() -> None:
    bitcoin = spec(order_types=(OrderType.LIMIT,), times_in_force=(TimeInForce.GTC, TimeInForce.GTX))
    halted = spec("OLDUSDT", status="BREAK", trading=False)
    specs = [bitcoin, spec("ETHUSDT"), spec("ETHBTC", quote_asset="BTC"), halted]
    with venues(binance=FakeVenue(specs=specs), binanceusdm=FakeVenue(specs=[spec(kind=MarketKind.USD_M)])):
        for venue in ("binance", "binanceusdm"):
            markets_refresh(venue=venue)


def get(client: Client, path: str, status: int = 200) -> Any:
    response = client.get(path)
    assert response.status_code == status, response.content
    return response.json()


def symbols(client: Client, path: str) -> list[str]:
    return [row["symbol"] for row in get(client, path)["data"]]


def test_all_markets_are_listed_and_paged(client: Client) -> None:
    answer = get(client, "/api/markets/?limit=2&offset=1")

    assert answer["meta"] == {"total": 5, "limit": 2, "offset": 1}
    assert [row["symbol"] for row in answer["data"]] == ["ETHBTC", "ETHUSDT"]
    assert answer["data"][1] == {
        "id": Market.objects.get(symbol="ETHUSDT").pk,
        "venue": "binance",
        "symbol": "ETHUSDT",
        "kind": "spot",
        "base_asset": "ETH",
        "quote_asset": "USDT",
        "margin_asset": "USDT",
        "pair": "",
        "contract_type": "",
        "contract_size": "1",
        "status": "TRADING",
        "trading": True,
        "delisted_at": None,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=eth", ["ETHBTC", "ETHUSDT"]),
        ("quote=btc", ["ETHBTC"]),
        ("venue=binanceusdm", ["BTCUSDT"]),
        ("kind=usd_m", ["BTCUSDT"]),
        ("venue=nowhere", []),
        ("q=%25", []),
        ("q=old", ["OLDUSDT"]),
    ],
)
def test_markets_are_found_by_what_they_are(client: Client, query: str, found: list[str]) -> None:
    assert symbols(client, f"/api/markets?{query}") == found


def test_active_markets_are_those_that_trade(client: Client) -> None:
    assert symbols(client, "/api/markets/active?venue=binance") == ["BTCUSDT", "ETHBTC", "ETHUSDT"]


@pytest.mark.parametrize(
    "query", ["limit=501", "limit=x", "kind=margin", "venue=UPPER", "venue=", "q=%00", "offset=-1"]
)
def test_wrong_filters_are_refused(client: Client, query: str) -> None:
    assert get(client, f"/api/markets?{query}", 400)["error"]["code"] == "VALIDATION_ERROR"


def test_a_market_comes_with_its_rules_and_its_price(client: Client) -> None:
    market = Market.objects.get(venue="binance", symbol="BTCUSDT")
    assert get(client, f"/api/markets/{market.pk}")["data"]["price"] is None
    moment = timezone.now() - timedelta(seconds=2)
    prices_write("binance", [PriceReport("BTCUSDT", MarketKind.SPOT, moment, bid=Decimal("99.10"), ask=Decimal(100))])

    data = get(client, f"/api/markets/{market.pk}/")["data"]

    assert data["filters"]["quantity_step"] == "0.001"
    assert data["filters"]["notional_max"] is None
    age = data["price"].pop("age_ms")
    assert 2000 <= age < 15_000
    assert data["price"].pop("time").endswith("Z")
    assert data["price"] == {"last": None, "bid": "99.1", "ask": "100", "mid": "99.55", "mark": None, "stale": False}


def test_a_market_tells_which_orders_it_takes_where_its_venue_does(client: Client) -> None:
    def told(symbol: str) -> tuple[list[str], list[str]]:
        data = get(client, f"/api/markets/{Market.objects.get(venue='binance', symbol=symbol).pk}")["data"]
        return data["order_types"], data["times_in_force"]

    assert told("BTCUSDT") == (["LIMIT"], ["GTC", "GTX"])
    assert told("ETHUSDT") == ([], [])


@pytest.mark.parametrize("market", ["0", "99999999999999999999", "abc", "-1", "%00", "१२"])
def test_a_market_that_is_not_there_is_404(client: Client, market: str) -> None:
    assert get(client, f"/api/markets/{market}", 404)["error"]["code"] == "NOT_FOUND"


def test_a_page_takes_two_statements_however_long_it_is(client: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        get(client, "/api/markets?limit=500")

    assert len(captured) == 2


def test_staff_have_the_markets_refreshed(client: Client) -> None:
    client.force_login(make_staff())
    with patch("markets.api.views.refresh_now.delay", return_value=Mock(id=TASK)) as delay:
        response = client.post("/api/markets/refresh")

    assert (response.status_code, response.json()) == (202, {"success": True, "data": {"task_id": TASK}})
    delay.assert_called_once_with()


def test_a_key_of_staff_with_the_scope_trade_may_refresh_as_well(client: Client) -> None:
    _, key = api_key_create(name="n8n", scopes=["trade"], user=make_staff())
    _, reader = api_key_create(name="n8n", scopes=["read"], user=make_staff())
    with patch("markets.api.views.refresh_now.delay", return_value=Mock(id=TASK)):
        assert client.post("/api/markets/refresh/", headers={"X-API-Key": key}).status_code == 202
        assert client.post("/api/markets/refresh/", headers={"X-API-Key": reader}).status_code == 403


def test_others_may_not_refresh(client: Client) -> None:
    assert client.post("/api/markets/refresh").status_code == 401
    client.force_login(make_user())
    assert client.post("/api/markets/refresh").status_code == 403


def test_without_a_queue_the_answer_is_503(client: Client) -> None:
    client.force_login(make_staff())
    with patch("markets.api.views.refresh_now.delay", side_effect=OperationalError):
        assert client.post("/api/markets/refresh").json()["error"]["code"] == "SERVICE_UNAVAILABLE"

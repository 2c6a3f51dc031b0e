"""The desk shows markets, candles and watched prices, and lets those who may have a worker do something."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError

from markets.models import CandleSeries, Market, MarketRefresh, PriceWatch
from markets.prices import prices_write
from markets.services.refresh import markets_refresh
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind, OrderType
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db
SERIES, REFRESHES = "/admin/markets/candleseries/", "/admin/markets/marketrefresh/"


@pytest.fixture
def market() -> Market:
    bitcoin = spec(order_types=(OrderType.LIMIT, OrderType.STOP_LIMIT))
    with venues(binance=FakeVenue(specs=[bitcoin, spec("ETHUSDT")])):
        markets_refresh(venue="binance")
    return Market.objects.get(symbol="BTCUSDT")


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def make_series(**values: Any) -> CandleSeries:
    names = {"venue": "binance", "kind": "spot", "symbol": "BTCUSDT", "interval": "1m"}
    return CandleSeries.objects.create(**{**names, **values})


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def act(client: Client, path: str, action: str, *rows: Any) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(path, data, follow=True).content.decode()


def test_a_market_is_shown_with_its_rules_and_its_price(desk: Client, market: Market) -> None:
    assert "ETHUSDT" in page(desk, "/admin/markets/market/?q=ETH&venue__exact=binance")
    detail = page(desk, f"/admin/markets/market/{market.pk}/change/")
    assert "quantity step: 0.001" in detail
    assert "Not watched" in detail
    assert "LIMIT, STOP_LIMIT" in detail

    report = PriceReport("BTCUSDT", MarketKind.SPOT, timezone.now() - timedelta(minutes=2), last=Decimal("86232.40"))
    prices_write("binance", [report])

    assert "86232.4 (120 s, stale)" in page(desk, f"/admin/markets/market/{market.pk}/change/")


def test_markets_are_looked_at_and_not_changed(desk: Client, market: Market) -> None:
    assert desk.get("/admin/markets/market/add/").status_code == 403
    assert desk.post(f"/admin/markets/market/{market.pk}/change/", {"symbol": "X"}).status_code == 403
    assert desk.post(f"/admin/markets/market/{market.pk}/delete/", {"post": "yes"}).status_code == 403


def test_series_are_listed_with_their_lag_and_error(desk: Client) -> None:
    now = timezone.now()
    make_series(
        last_run_at=now, last_success_at=now - timedelta(minutes=5), newest_open_time=now - timedelta(minutes=5)
    )
    make_series(symbol="NOPEUSDT", error="binance has no market NOPEUSDT")

    html = page(desk, SERIES)

    assert "300 s" in html
    assert "binance has no market NOPEUSDT" in html
    assert "NOPEUSDT" not in page(desk, f"{SERIES}?error__isempty=1")


def test_staff_have_series_synced_and_venues_refreshed(desk: Client) -> None:
    series, refresh = make_series(), MarketRefresh.objects.create(venue="kraken")
    with patch("markets.admin.candles_sync_now.delay") as sync, patch("markets.admin.refresh_now.delay") as ask:
        assert "A worker syncs 1 series now." in act(desk, SERIES, "sync_now", series)
        assert "A worker refreshes kraken now." in act(desk, REFRESHES, "refresh", refresh)

    sync.assert_called_once_with([series.pk])
    ask.assert_called_once_with(["kraken"])


def test_a_queue_that_is_down_is_said(desk: Client) -> None:
    with patch("markets.admin.candles_sync_now.delay", side_effect=OperationalError):
        assert "The queue does not answer" in act(desk, SERIES, "sync_now", make_series())


def test_staff_who_may_only_look_start_nothing(client: Client) -> None:
    user = make_user(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_candleseries"))
    client.force_login(user)
    with patch("markets.admin.candles_sync_now.delay") as sync:
        act(client, SERIES, "sync_now", make_series())

    sync.assert_not_called()


def test_a_watch_that_is_no_longer_needed_can_be_deleted(desk: Client, market: Market) -> None:
    watch = PriceWatch.objects.create(market=market)

    assert "BTCUSDT" in page(desk, "/admin/markets/pricewatch/")
    desk.post(f"/admin/markets/pricewatch/{watch.pk}/delete/", {"post": "yes"})

    assert not PriceWatch.objects.exists()

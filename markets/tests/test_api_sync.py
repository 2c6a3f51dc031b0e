"""Staff have candles synced, and see how far each series is and what became of the task."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock, patch

import pytest
from celery.result import AsyncResult
from django.test import Client
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.accounts.services import api_key_create
from copytrade.celery import app
from copytrade.lib.redis import client as client_of
from markets.models import CandleSeries
from markets.tasks import candles_prune, candles_sync, candles_sync_now, refresh_due, refresh_now
from markets.tests.fakes import FakeVenue, venues
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db
NOW, STATUS = "/api/admin/sync/now", "/api/admin/sync/status"
OTHER_TASK = "9d2c1a52-8c0b-4a6f-9a53-0f3a5d1b7c11"
TASK = "2f0e3a52-8c0b-4a6f-9a53-0f3a5d1b7c11"


@pytest.fixture(autouse=True)
def _small(settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "NOPEUSDT")
    settings.TRADING_INTERVALS = ("1h",)
    settings.TRADING_MARKET_TYPES = ("spot",)
    settings.CANDLE_RETENTION_DAYS = 2
    settings.CANDLE_RETENTION = ()


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def start(client: Client) -> Any:
    with patch("markets.api.sync_views.candles_sync_now.delay", return_value=Mock(id=TASK)):
        return client.post(NOW)


def status(client: Client, query: str = "") -> Any:
    response = client.get(f"{STATUS}{query}")
    assert response.status_code == 200, response.content
    return response.json()


def test_staff_start_a_sync_and_get_its_task(staff: Client) -> None:
    response = start(staff)

    assert (response.status_code, response.json()["data"]) == (202, {"task_id": TASK})


def test_a_key_of_staff_may_and_others_may_not(client: Client) -> None:
    with patch("markets.api.sync_views.candles_sync_now.delay", return_value=Mock(id=TASK)):
        for user, scopes, expected in (
            (make_staff(), ["trade"], 202),
            (make_staff(), ["read"], 403),
            (make_user(), ["trade"], 403),
        ):
            _, key = api_key_create(name="n8n", scopes=scopes, user=user)
            assert client.post(NOW, headers={"X-API-Key": key}).status_code == expected
    assert client.post(NOW).status_code == 401
    assert client.get(STATUS).status_code == 401


def test_the_status_tells_of_each_series(staff: Client) -> None:
    with venues(binance=FakeVenue()):
        candles_sync()

    answer = status(staff)

    assert answer["meta"] == {"total": 2, "failing": 1}
    good, bad = answer["data"]["series"]
    assert (good["symbol"], good["market_type"], good["interval"], good["rows"]) == ("BTCUSDT", "spot", "1h", 48)
    assert (good["missing"], good["error"], good["running"]) == (0, None, False)
    assert 0 <= good["lag_seconds"] < 30
    assert good["last_run_at"] == good["last_success_at"]
    assert (bad["symbol"], bad["rows"], bad["lag_seconds"], bad["last_success_at"]) == ("NOPEUSDT", 0, None, None)
    assert "no market NOPEUSDT" in bad["error"]
    assert answer["data"]["task"] is None


def test_a_series_that_is_worked_on_is_shown_as_running(staff: Client) -> None:
    with venues(binance=FakeVenue()):
        candles_sync()
    CandleSeries.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))

    assert all(row["running"] for row in status(staff)["data"]["series"])


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")  # Celery's own
def test_the_status_tells_what_became_of_a_task(staff: Client) -> None:
    start(staff)
    assert status(staff, f"?task_id={TASK}")["data"]["task"] == {
        "task_id": TASK, "state": "PENDING", "result": None, "error": None,
    }  # fmt: skip
    AsyncResult(TASK, app=app).backend.store_result(TASK, {"series": 2, "failed": 0, "candles": 7}, "SUCCESS")
    task = status(staff, f"?task_id={TASK}")["data"]["task"]
    assert (task["state"], task["result"]) == ("SUCCESS", {"series": 2, "failed": 0, "candles": 7})
    AsyncResult(OTHER_TASK, app=app).backend.store_result(OTHER_TASK, ValueError("surprise"), "FAILURE")
    task = status(staff, f"?task_id={OTHER_TASK}")["data"]["task"]
    assert (task["state"], task["result"], task["error"]) == ("FAILURE", None, "ValueError('surprise')")


def test_a_word_that_is_no_task_is_refused(staff: Client) -> None:
    assert staff.get(f"{STATUS}?task_id=x").status_code == 400


def test_a_task_that_was_never_started_is_not_found(staff: Client) -> None:
    start(staff)

    response = staff.get(f"{STATUS}?task_id={OTHER_TASK}")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert OTHER_TASK in response.json()["error"]["message"]


def test_a_refresh_of_the_markets_is_a_task_that_is_known_too(staff: Client) -> None:
    with patch("markets.api.views.refresh_now.delay", return_value=Mock(id=OTHER_TASK)):
        staff.post("/api/markets/refresh")

    assert status(staff, f"?task_id={OTHER_TASK}")["data"]["task"]["state"] == "PENDING"


def test_a_started_task_is_forgotten_with_its_result(staff: Client, settings: Any) -> None:
    start(staff)

    life = client_of(settings.REDIS_URL).ttl(f"copytrade:task:{TASK}")
    assert 0 < life <= settings.CELERY_RESULT_EXPIRES
    client_of(settings.REDIS_URL).flushdb()  # the queue is lost as well
    assert staff.get(f"{STATUS}?task_id={TASK}").status_code == 404


def test_a_task_is_started_although_it_cannot_be_remembered(staff: Client) -> None:
    with patch("markets.services.sync.client") as redis:
        redis.return_value.set.side_effect = RedisError("away")
        assert start(staff).status_code == 202


def test_without_redis_the_state_of_a_task_is_unknown(staff: Client) -> None:
    with patch("markets.services.sync.AsyncResult") as result:
        type(result.return_value).state = property(Mock(side_effect=OSError))
        assert status(staff, f"?task_id={TASK}")["data"]["task"]["state"] == "UNKNOWN"


def test_the_tasks_do_what_their_names_say() -> None:
    with venues(binance=FakeVenue()):
        assert set(refresh_due()) == set(refresh_now()) == {"binance"}
        assert refresh_now(["binance"])["binance"].startswith("RefreshResult(created=0, updated=0")
        assert candles_sync()["candles"] == 48
        assert candles_sync_now([])["series"] == 0
        assert candles_sync_now()["series"] == 2
        candles_prune()
    assert CandleSeries.objects.get(symbol="BTCUSDT").rows == 48

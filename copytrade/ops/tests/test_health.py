"""Health: what works, and what a dead part does to the answer."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

from copytrade.ops.signs_of_life import BEAT, EXECUTOR, WORKER, mark_alive

pytestmark = pytest.mark.django_db
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def everything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copytrade.ops.signs_of_life._marked", {})
    mark_alive(WORKER)
    mark_alive(EXECUTOR)
    mark_alive(BEAT)


@pytest.fixture
def dead_redis(settings: Any) -> None:
    settings.REDIS_URL = NOWHERE
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": NOWHERE}}


class DeadDatabase:
    """Stands before every statement, as a server that is gone does."""

    def __call__(self, *_: Any) -> None:
        raise OperationalError("the connection is closed")


@pytest.mark.usefixtures("everything_runs")
def test_health_is_flat_and_names_each_part(client):
    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    health = answer.json()
    assert health["status"] == "healthy"
    assert health["timestamp"].endswith("Z")
    assert {"uptime", "version", "environment"} <= health.keys()
    assert [health[part] for part in ("database", "redis", "worker", "executor", "beat")] == ["ok"] * 5


def test_without_worker_and_beat_it_is_degraded_and_still_answers(client):
    cache.clear()

    health = client.get("/health/")

    assert (health.status_code, health.json()["status"], health.json()["worker"]) == (200, "degraded", "down")
    assert client.get("/health/ready").json()["status"] == "ready"


@pytest.mark.usefixtures("dead_redis")
def test_without_redis_it_is_degraded_and_the_rest_is_unknown(client):
    health = client.get("/health").json()

    assert (health["status"], health["redis"], health["beat"]) == ("degraded", "down", "unknown")


def test_without_the_database_it_is_unhealthy_and_not_ready_but_alive(client):
    with connection.execute_wrapper(DeadDatabase()):
        assert client.get("/health").status_code == 503
        assert client.get("/health").json()["status"] == "unhealthy"
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200


def test_a_read_without_the_database_is_503_with_the_time_to_try_again(client):
    with connection.execute_wrapper(DeadDatabase()):
        answer = client.get("/symbols")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.usefixtures("dead_redis")
def test_a_push_without_redis_is_stored(client, push):
    assert push({"leadId": "1", "fetchedAt": "2026-02-05T00:05:00Z", "positions": []}).status_code == 200


def test_health_is_not_throttled(client, settings):
    settings.API_RATE_LIMIT_MAX = 1

    assert {client.get("/health").status_code for _ in range(4)} == {200}

"""The schema of this app is true for a caller who may do everything in it, whatever a fuzzer sends."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock, patch

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copytrade.accounts.services import api_key_create
from markets.models import Market
from markets.services.candles import candles_sync
from markets.services.sync import task_send
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.vocabulary import MarketKind
from tests.factories import make_staff
from tests.test_schema import CHECKS

OURS = ("/api/markets", "/api/binance/futures/klines", "/api/admin/sync", "/api/binance/futures/markPrice",
        "/api/binance/futures/openInterest")  # fmt: skip
TASK = "2f0e3a52-8c0b-4a6f-9a53-0f3a5d1b7c11"
ANSWERS = {
    "mark_price": {"markPrice": "1.5", "time": 1_770_249_900_000},
    "open_interest": {"openInterest": "7", "time": 1_770_249_900_000},
    "open_interest_history": [
        {"timestamp": 1_770_249_900_000, "sumOpenInterest": "7", "sumOpenInterestValue": "7000.5"}
    ],
}


@pytest.fixture
def openapi(settings: Any) -> Iterator[Any]:
    settings.API_RATE_LIMIT_MAX = 10**9
    settings.TRADING_SYMBOLS, settings.TRADING_INTERVALS = ("BTCUSDT",), ("1m",)
    kinds = {"binance": MarketKind.SPOT, "binanceusdm": MarketKind.USD_M}
    fakes = {slug: FakeVenue(specs=[spec(kind=kind)], answers=ANSWERS) for slug, kind in kinds.items()}
    for signal in (request_started, request_finished):  # as Django's test client does: they close the connection
        signal.disconnect(close_old_connections)
    sent = patch("markets.api.sync_views.candles_sync_now.delay", return_value=Mock(id=TASK))
    asked = patch("markets.api.views.refresh_now.delay", return_value=Mock(id=TASK))
    with venues(**fakes), sent, asked:
        candles_sync(now=fakes["binance"].now, page=5, backfill_pages=0)
        task_send(lambda: Mock(id=TASK))
        yield schemathesis.openapi.from_wsgi("/api/schema?format=json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
def test_every_operation_answers_staff_as_the_schema_says(openapi: Any) -> None:
    _, key = api_key_create(name="fuzzer", scopes=["trade"], user=make_staff())
    operations = [found.ok() for found in openapi.get_all_operations()]
    ours = [operation for operation in operations if operation.path.startswith(OURS)]
    assert len(ours) == 10
    for operation in ours:
        modes = list(schemathesis.GenerationMode) if operation.query else [schemathesis.GenerationMode.POSITIVE]

        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
        def answers(case: Any) -> None:
            case.call_and_validate(headers={"X-API-Key": key}, checks=CHECKS)

        answers()


@pytest.mark.django_db
def test_a_market_is_as_the_schema_says(openapi: Any) -> None:
    case = openapi["/api/markets/{market_id}"]["GET"].Case(
        path_parameters={"market_id": str(Market.objects.all()[0].pk)}
    )

    assert case.call_and_validate(checks=CHECKS[:4]).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/markets", {}),
        ("/api/markets/active", {"kind": "spot"}),
        ("/api/binance/futures/klines", {"symbol": "BTCUSDT", "interval": "1m"}),
        ("/api/binance/futures/markPrice", {"symbol": "BTCUSDT"}),
        ("/api/binance/futures/openInterest", {"symbol": "BTCUSDT"}),
        ("/api/binance/futures/openInterestHist", {"symbol": "BTCUSDT", "period": "5m"}),
        ("/api/admin/sync/status", {"task_id": TASK}),
    ],
)
def test_good_answers_are_as_the_schema_says(openapi: Any, path: str, query: dict[str, str]) -> None:
    _, key = api_key_create(name="reader", scopes=["read"], user=make_staff())

    response = openapi[path]["GET"].Case(query=query).call_and_validate(headers={"X-API-Key": key}, checks=CHECKS[:4])

    assert response.status_code == 200

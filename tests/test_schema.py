"""The schema is true: whatever it leads a fuzzer to send, no answer is a failure of ours or missing in it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from copytrade.accounts.models import Scope
from copytrade.accounts.services import api_key_create
from copytrade.lib.errors import ErrorCode
from ingest.api.examples import NORMALISED_PUSH
from markets.venues import registry
from tests.factories import make_staff

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.fixture
def openapi(push: Any, settings: Any) -> Iterator[Any]:
    """Give the served schema, with a leader behind it and budgets that the fuzzer does not use up."""
    for name in ("API_RATE_LIMIT_MAX", "RATE_LIMIT_MAX", "LOGIN_RATE_LIMIT_MAX", "ORDER_RATE_LIMIT_MAX"):
        setattr(settings, name, 10**9)
    push(NORMALISED_PUSH)
    for signal in (request_started, request_finished):  # as Django's test client does: they close the connection
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/schema?format=json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def no_venue(settings: Any) -> Iterator[None]:
    """Let the venues be where nobody answers."""
    for name in ("BINANCE_SPOT_URL", "BINANCE_USDM_URL", "BINANCE_COINM_URL"):
        setattr(settings, name, "http://127.0.0.1:1")
    registry.adapters_close()
    yield
    registry.adapters_close()


@pytest.fixture
def key(db: None) -> str:
    """A key that may do everything."""
    return api_key_create(name="fuzzer", scopes=[Scope.INGEST, Scope.TRADE], user=make_staff())[1]


@pytest.mark.django_db
@pytest.mark.usefixtures("no_venue")
def test_every_operation_answers_as_the_schema_says(openapi: Any, key: str) -> None:
    for found in openapi.get_all_operations():
        operation = found.ok()
        wrong = operation.body or operation.query  # elsewhere there is nothing to get wrong
        modes = list(schemathesis.GenerationMode) if wrong else [schemathesis.GenerationMode.POSITIVE]

        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
        def answers(case: Any) -> None:
            case.call_and_validate(headers={"X-API-Key": key}, checks=CHECKS)

        answers()


@pytest.mark.django_db
def test_every_operation_is_described_with_its_errors(client: Any) -> None:
    document = json.loads(client.get("/api/schema?format=json").content)

    assert document["openapi"].startswith("3.1")
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"summary", "operationId", "responses", "description"} <= operation.keys()
            assert {"400", "401", "405", "429", "500", "503"} <= operation["responses"].keys()
    codes = document["components"]["schemas"]["ErrorCode"]["enum"]
    assert set(codes) == {code.value for code in ErrorCode}

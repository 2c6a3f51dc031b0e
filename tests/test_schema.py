"""The schema is true: whatever it leads a fuzzer to send, no answer is a failure of ours or missing in it."""

import json
from collections.abc import Iterator, Sequence
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

from copytrade.accounts.models import Scope, User
from copytrade.accounts.services import api_key_create
from copytrade.accounts.tokens import tokens_for_user
from copytrade.lib.errors import ErrorCode
from ingest.api.examples import NORMALISED_PUSH
from markets.venues import registry
from tests.factories import make_account, make_staff

Headers = dict[str, str]

SHAPES = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
CHECKS = [not_a_server_error, *SHAPES]


def no_failure_but_of_a_venue(ctx: Any, response: Any, case: Any) -> None:
    """Refuse what `not_a_server_error` refuses, unless it is a venue that does not answer: here none does."""
    away = response.status_code == 503 and response.json()["error"]["code"] == ErrorCode.VENUE_UNAVAILABLE
    if not away:
        not_a_server_error(ctx, response, case)


@pytest.fixture
def openapi(push: Any, settings: Any) -> Iterator[Any]:
    """Give the served schema, with a leader behind it and budgets that the fuzzer does not use up."""
    for name in ("API_RATE_LIMIT_MAX", "RATE_LIMIT_MAX", "LOGIN_RATE_LIMIT_MAX", "ORDER_RATE_LIMIT_MAX"):
        setattr(settings, name, 10**9)
    push(NORMALISED_PUSH)
    for signal in (request_started, request_finished):  # as Django's test client does: they close the connection
        signal.disconnect(close_old_connections)
    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", get_wsgi_application())
    # Else it makes up logins of its own, and every other request is 401 and tests nothing.
    schema.config.generation.update(with_security_parameters=False)
    yield schema
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
def user(db: None) -> User:
    """Somebody who may do everything."""
    return make_staff()


@pytest.fixture
def key(user: User) -> Headers:
    """A program of theirs that may do everything that programs may."""
    return {"X-API-Key": api_key_create(name="fuzzer", scopes=[Scope.INGEST, Scope.TRADE], user=user)[1]}


@pytest.fixture
def login(user: User) -> Headers:
    """They themselves."""
    return {"Authorization": f"Bearer {tokens_for_user(user=user).access}"}


def fuzz(operation: Any, headers: Headers, accounts: Sequence[int] = (0,)) -> None:
    """Let no answer of an operation be missing in its schema; right requests are for one of these accounts."""
    wrong = operation.body or operation.query  # elsewhere there is nothing to get wrong
    modes = list(schemathesis.GenerationMode) if wrong else [schemathesis.GenerationMode.POSITIVE]
    made_up = [operation.as_strategy(generation_mode=mode) for mode in modes]

    @settings(max_examples=12 if wrong else 3, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.one_of([*made_up, *operation.get_strategies_from_examples()]),
        st.sampled_from(accounts),
    )
    def answers(case: Any, account: int) -> None:
        if account and case.meta.generation.mode.is_positive and "account_id" in case.path_parameters:
            case.path_parameters["account_id"] = account
        case.call_and_validate(headers=headers, checks=[no_failure_but_of_a_venue, *SHAPES])

    answers()


def is_for_people(operation: Any) -> bool:
    """Return whether an operation takes a login, and no API key."""
    ways = {name for way in operation.definition.raw["security"] for name in way}
    return "Bearer" in ways and "ApiKey" not in ways


@pytest.mark.django_db
@pytest.mark.usefixtures("no_venue")
def test_every_operation_answers_a_program_as_the_schema_says(openapi: Any, key: Headers) -> None:
    for found in openapi.get_all_operations():
        if not is_for_people(found.ok()):
            fuzz(found.ok(), key)


@pytest.mark.django_db
@pytest.mark.usefixtures("no_venue")
def test_what_only_people_may_do_with_accounts_is_answered_as_the_schema_says(
    openapi: Any, user: User, login: Headers
) -> None:
    operations = [found.ok() for found in openapi.get_all_operations()]
    people = [operation for operation in operations if is_for_people(operation)]
    assert {"account_close", "account_credentials_save", "account_live", "account_resume"} <= {
        operation.definition.raw["operationId"] for operation in people
    }
    for operation in operations:
        if operation in people or "Accounts" in operation.tags:  # opening a live one is a person's, too
            fuzz(operation, login, [make_account(user=user, mode=mode).pk for mode in ("paper", "live")])


@pytest.mark.django_db
def test_amounts_that_are_taken_as_numbers_or_texts_are_said_to_be_both(client: Any) -> None:
    schemas = client.get("/api/schema?format=json").json()["components"]["schemas"]
    for body, field in (("NewOrderBody", "quantity"), ("TierBody", "multiplier")):
        assert schemas[body]["properties"][field]["type"] == ["number", "string"], body
    ratio, nothing = schemas["FollowBody"]["properties"]["ratio"]["anyOf"]
    assert (ratio["type"], nothing["type"]) == (["number", "string"], "null")


def test_every_operation_is_described_with_its_errors(client: Any) -> None:
    document = json.loads(client.get("/api/schema?format=json").content)

    assert document["openapi"].startswith("3.1")
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"summary", "operationId", "responses", "description"} <= operation.keys()
            assert {"400", "401", "405", "429", "500", "503"} <= operation["responses"].keys()
    codes = document["components"]["schemas"]["ErrorCode"]["enum"]
    assert set(codes) == {code.value for code in ErrorCode}

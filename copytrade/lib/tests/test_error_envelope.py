"""Every failure has the one envelope, the right status and a code; internals stay inside."""

import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client
from psycopg_pool import PoolTimeout
from rest_framework import serializers

from copytrade.lib.api.exceptions import exception_handler
from copytrade.lib.errors import (
    ErrorCode,
    IdempotencyConflict,
    InvalidInput,
    LiveTradingOff,
    NotFound,
    TradingHalted,
    VenueAuthFailed,
    VenueRateLimited,
    VenueRefused,
    VenueUnavailable,
)
from traders.selectors import symbols

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client: Client) -> Client:
    """A client that gets a 500 instead of the exception."""
    client.raise_request_exception = False
    return client


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the list of symbols fail with an exception."""

    def with_error(error: Exception) -> None:
        def symbols_list(**_: object) -> None:
            raise error

        monkeypatch.setattr(symbols, "symbols_list", symbols_list)

    return with_error


def error_of(response: Any) -> dict[str, Any]:
    """Return the error of a response in the envelope."""
    body = response.json()
    assert response["Content-Type"].startswith("application/json")
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["code"] in set(ErrorCode)
    assert body["error"]["message"].endswith((".", "?")) or body["error"]["message"]
    error: dict[str, Any] = body["error"]
    return error


def post(client: Client, body: str, content_type: str = "application/json", **headers: str) -> Any:
    """Push a body with a good key."""
    headers = {"X-API-Key": "a-key-for-this-test-only", **headers}
    return client.post("/ingest/binance-copytrade", body, content_type=content_type, headers=headers)


@pytest.mark.parametrize("path", ["/api/nothing", "/traders/99", "/symbols/NOUSDT/feed", "/nothing", "/health/nothing"])
def test_nothing_there_is_404(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert error_of(response)["code"] == "NOT_FOUND"


def test_another_method_is_405_and_names_those_that_work(client: Client) -> None:
    response = client.delete("/symbols")
    assert response.status_code == 405
    assert error_of(response)["code"] == "METHOD_NOT_ALLOWED"
    assert "GET" in response["Allow"]


def test_another_type_is_415(client: Client, settings: Any) -> None:
    settings.INGEST_API_KEY = "a-key-for-this-test-only"
    response = post(client, "a=b", "application/x-www-form-urlencoded")
    assert response.status_code == 415
    assert error_of(response)["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("body", ["", "{", "nonsense", '{"leadId": }'])
def test_a_body_that_is_no_json_is_400(client: Client, settings: Any, body: str) -> None:
    settings.INGEST_API_KEY = "a-key-for-this-test-only"
    response = post(client, body)
    assert response.status_code == 400
    assert error_of(response)["code"] == "MALFORMED_JSON"


def test_a_missing_key_is_401_and_says_how_to_send_one(client: Client) -> None:
    response = client.post("/ingest/binance-copytrade", "{}", content_type="application/json")
    assert response.status_code == 401
    assert error_of(response)["code"] == "NOT_AUTHENTICATED"
    assert response["WWW-Authenticate"] == "X-API-Key"


def test_a_wrong_parameter_is_400_and_is_named(client: Client) -> None:
    response = client.get("/symbols?limit=501")
    assert response.status_code == 400
    assert error_of(response)["details"]["errors"][0]["path"] == "limit"


@pytest.mark.parametrize("error", [OperationalError("secret"), InterfaceError("secret"), PoolTimeout("secret")])
def test_a_database_that_is_away_is_503_with_the_time_to_try_again(client: Client, fail: Any, error: Exception) -> None:
    fail(error)
    response = client.get("/symbols")
    assert response.status_code == 503
    assert error_of(response)["code"] == "SERVICE_UNAVAILABLE"
    assert int(response["Retry-After"]) >= 1
    assert b"secret" not in response.content


def test_an_unexpected_exception_is_500_with_the_id_of_the_request_and_no_internals(
    client: Client, fail: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fail(LookupError("the secret of the house"))
    response = client.get("/symbols")
    assert response.status_code == 500
    error = error_of(response)
    assert error["code"] == "INTERNAL_ERROR"
    assert error["details"] == {"request_id": response["X-Request-ID"]}
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content
    assert "the secret of the house" in caplog.text


def test_every_answer_has_an_id_of_its_own(client: Client) -> None:
    identifiers = {client.get("/health/live")["X-Request-ID"] for _ in range(3)}
    assert len(identifiers) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", identifier) for identifier in identifiers)


def test_a_browser_gets_a_page_where_no_program_asks(client: Client) -> None:
    response = client.get("/nothing", headers={"Accept": "text/html"})
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (NotFound("No such thing."), 404, "NOT_FOUND"),
        (Http404(), 404, "NOT_FOUND"),
        (PermissionDenied("secret"), 403, "PERMISSION_DENIED"),
        (RequestDataTooBig("secret"), 413, "PAYLOAD_TOO_LARGE"),
        (InvalidInput([{"path": "a.b", "message": "is missing"}]), 400, "VALIDATION_ERROR"),
        (serializers.ValidationError({"a": ["is missing"]}), 400, "VALIDATION_ERROR"),
        (IdempotencyConflict("Used."), 409, "IDEMPOTENCY_CONFLICT"),
        (TradingHalted("Halted."), 409, "TRADING_HALTED"),
        (LiveTradingOff("Off."), 409, "LIVE_TRADING_OFF"),
        (VenueRefused("No.", venue="binance"), 422, "VENUE_REJECTED"),
        (VenueRefused("No.", venue="binance", status=400), 400, "VENUE_REJECTED"),
        (VenueRefused("No.", venue="binance", status=200), 422, "VENUE_REJECTED"),
        (VenueAuthFailed("Wrong key."), 409, "VENUE_AUTH_FAILED"),
        (VenueRateLimited("Later.", retry_after_seconds=5), 429, "VENUE_RATE_LIMITED"),
        (VenueUnavailable("Away."), 503, "VENUE_UNAVAILABLE"),
    ],
)
def test_exceptions_of_views_become_the_envelope(exception: Exception, status: int, code: str) -> None:
    response = exception_handler(exception, {})
    assert response is not None
    assert (response.status_code, response.data["error"]["code"]) == (status, code)
    assert "secret" not in str(response.data)


def test_the_words_of_a_venue_are_in_the_details() -> None:
    error = VenueRefused(
        "Binance refused the order.",
        venue="binanceusdm",
        venue_code="-2019",
        venue_message="Margin is insufficient.",
        reason="INSUFFICIENT_FUNDS",
    )
    response = exception_handler(error, {})
    assert response is not None
    assert response.data["error"]["details"] == {
        "venue": "binanceusdm",
        "venue_code": "-2019",
        "venue_message": "Margin is insufficient.",
        "reason": "INSUFFICIENT_FUNDS",
    }


@pytest.mark.parametrize(("wait", "told"), [(720, 720), (0, 1), (-3, 1)])
def test_a_venue_that_wants_no_more_requests_says_when_to_go_on(wait: int, told: int) -> None:
    response = exception_handler(VenueRateLimited("Later.", retry_after_seconds=wait), {})
    assert response is not None
    assert response.headers["Retry-After"] == str(told)
    assert response.data["error"]["details"] == {"retry_after_seconds": told}


def test_wrong_fields_are_listed_by_their_paths() -> None:
    detail: Any = {"a": ["is missing"], "rows": [{}, {"price": ["is no number", "is too long"]}]}
    response = exception_handler(serializers.ValidationError(detail), {})
    assert response is not None
    assert response.data["error"]["details"]["errors"] == [
        {"path": "a", "message": "is missing"},
        {"path": "rows[1].price", "message": "is no number"},
        {"path": "rows[1].price", "message": "is too long"},
    ]


def test_of_many_wrong_fields_the_message_names_the_first() -> None:
    error = InvalidInput([{"path": "a", "message": "is missing"}, {"path": "b", "message": "is missing"}])
    assert error.message == "a: is missing (and 1 more)"

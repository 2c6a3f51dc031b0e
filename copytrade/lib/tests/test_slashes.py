"""Every route answers with and without its trailing slash, and nothing is redirected."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from copytrade.lib.middleware import EitherSlashMiddleware

ROUTE = "/ingest/binance-copytrade"


def served_path(path: str) -> str:
    """Return the path that the routes get to see."""
    request = RequestFactory().get("/")
    request.path_info = path
    EitherSlashMiddleware(lambda request: HttpResponse(request.path_info))(request)
    return request.path_info


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/health", "/health"),
        ("/health/", "/health"),
        ("//health", "/health"),
        ("///health///", "/health"),
        ("/admin", "/admin/"),
        ("/admin/", "/admin/"),
        ("/", "/"),
        ("//", "/"),
        ("/nowhere", "/nowhere"),
        ("/nowhere/", "/nowhere/"),
        ("", "/"),
    ],
)
def test_a_path_is_served_at_the_spelling_that_the_routes_know(path: str, served: str) -> None:
    assert served_path(path) == served


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live", "/health/live/", "//health/live"])
def test_reads_answer_at_each_spelling(client: Client, path: str) -> None:
    response = client.get("/", PATH_INFO=path)
    assert (response.status_code, response.json()["status"]) == (200, "alive")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/ingest/binance-copytrade", "/ingest/binance-copytrade/", "//ingest/binance-copytrade"]
)
def test_a_post_is_not_redirected_and_keeps_its_body(client: Client, settings: Any, path: str) -> None:
    settings.INGEST_API_KEY = "a-key-for-this-test-only"
    headers = {"X-API-Key": settings.INGEST_API_KEY}
    response = client.post("/", b"{}", content_type="application/json", headers=headers, PATH_INFO=path)
    assert response.status_code == 400
    assert "leadId" in response.json()["error"]["message"]


def test_the_request_itself_keeps_the_path_that_was_asked_for() -> None:
    seen: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    EitherSlashMiddleware(answer)(RequestFactory().get("/health/"))
    assert seen[0].get_full_path() == "/health/"

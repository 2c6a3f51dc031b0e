"""The schema tells how to log in, and what each route takes."""

from typing import Any

import pytest
from django.test import Client

WAYS: list[dict[str, list[str]]] = [{"Bearer": []}, {"ApiKey": []}, {"cookieAuth": []}]


@pytest.fixture
def document(client: Client) -> Any:
    return client.get("/api/schema?format=json").json()


def test_every_way_to_log_in_is_described(document: Any) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["Bearer"]["scheme"] == "bearer"
    assert schemes["ApiKey"]["name"] == "X-API-Key"
    assert schemes["cookieAuth"]["in"] == "cookie"


def test_each_route_names_the_ways_that_it_takes(document: Any) -> None:
    paths = document["paths"]
    assert paths["/api/users/me"]["get"]["security"] == WAYS
    assert paths["/ingest/binance-copytrade"]["post"]["security"] == [{"ApiKey": []}]
    assert paths["/api/users/login"]["post"]["security"] == [{}]
    assert {} in paths["/symbols"]["get"]["security"]


def test_a_login_takes_a_form_or_json(document: Any) -> None:
    content = document["paths"]["/api/users/login"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-www-form-urlencoded"}


def test_only_who_can_be_refused_is_told_of_403(document: Any) -> None:
    paths = document["paths"]
    assert "403" in paths["/api/users/me"]["get"]["responses"]
    assert not {"403", "409"} & paths["/api/users/login"]["post"]["responses"].keys()
    assert {"403", "409", "422"} <= paths["/ingest/binance-copytrade"]["post"]["responses"].keys()

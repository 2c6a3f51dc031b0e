"""A front end of another origin: what its scripts may send to the API, and what they may read of an answer."""

from typing import Any

import pytest
from django.test import Client

ORIGIN = "https://front.example.com"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _front_end(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]


@pytest.mark.parametrize("header", ["authorization", "content-type", "idempotency-key", "x-api-key"])
def test_it_may_send_each_header_that_the_api_reads(client: Client, header: str):
    wished = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": header}
    answer = client.options("/api/orders/place", headers={"Origin": ORIGIN, **wished})
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert header in answer["Access-Control-Allow-Headers"].split(", ")


@pytest.mark.parametrize("header", ["Retry-After", "X-Request-ID"])
def test_it_may_read_when_to_go_on_and_the_id_of_its_request(client: Client, header: str):
    answer = client.get("/symbols", headers={"Origin": ORIGIN})
    assert header in answer["Access-Control-Expose-Headers"].split(", ")


def test_another_origin_may_do_none_of_it(client: Client):
    answer = client.get("/symbols", headers={"Origin": "https://elsewhere.example.com"})
    assert "Access-Control-Allow-Origin" not in answer

"""Who may push, how much, and what the edges refuse."""

import json
from http import HTTPStatus

import pytest
from django.utils import timezone

from copytrade.accounts.models import ApiKey
from copytrade.accounts.services import api_key_create
from tests.factories import make_user
from tests.payloads import body, event, position
from traders.models import LeadTrader

pytestmark = pytest.mark.django_db
PATH = "/ingest/binance-copytrade"


def post(client, key: str | None, *, path: str = PATH, content: bytes | None = None, **options):
    headers = {} if key is None else {"X-API-Key": key}
    data = json.dumps(body(positions=[])).encode() if content is None else content
    return client.post(path, data=data, content_type="application/json", headers=headers, **options)


def test_a_key_made_in_the_admin_may_push_and_its_use_is_seen(client):
    row, key = api_key_create(name="n8n", scopes=["ingest"])

    assert post(client, key).status_code == HTTPStatus.OK
    row.refresh_from_db()
    assert row.last_used_at is not None


def test_only_a_hash_of_a_key_is_stored(client):
    _, key = api_key_create(name="n8n", scopes=["ingest"])

    assert key.split("_", 2)[2] not in str(ApiKey.objects.values().get())


def test_the_key_of_the_environment_is_one_more_key(client, settings):
    settings.INGEST_API_KEY = "of-the-environment"

    assert post(client, "of-the-environment").status_code == HTTPStatus.OK


@pytest.mark.parametrize("key", [None, "", "wrong", "ct_0000000000_wrong", "ct_", "ct_\u00fc_x"])
def test_a_wrong_key_is_refused_before_the_body_is_looked_at(client, settings, key):
    settings.INGEST_API_KEY = "of-the-environment"

    response = post(client, key, content=b"nonsense")

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.json()["error"]["code"] in {"NOT_AUTHENTICATED", "AUTHENTICATION_FAILED"}
    assert response["WWW-Authenticate"] == "X-API-Key"
    assert not LeadTrader.objects.exists()


def test_an_empty_key_in_the_environment_lets_nobody_in(client, settings):
    settings.INGEST_API_KEY = ""

    assert post(client, "").status_code == HTTPStatus.UNAUTHORIZED


def test_a_key_with_a_wrong_secret_is_refused(client):
    _, key = api_key_create(name="n8n", scopes=["ingest"])

    assert post(client, key[:-1] + "_").status_code == HTTPStatus.UNAUTHORIZED


def test_a_revoked_key_is_refused(client):
    row, key = api_key_create(name="n8n", scopes=["ingest"])
    row.revoked_at = timezone.now()
    row.save()

    assert post(client, key).status_code == HTTPStatus.UNAUTHORIZED


def test_a_key_without_the_scope_is_refused(client):
    _, key = api_key_create(name="reader", scopes=["read"], user=make_user())

    response = post(client, key)

    assert response.status_code == HTTPStatus.FORBIDDEN
    assert response.json()["error"]["code"] == "PERMISSION_DENIED"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_a_slash_behind_does_not_redirect(client, settings, path):
    settings.INGEST_API_KEY = "of-the-environment"

    assert post(client, "of-the-environment", path=path).status_code == HTTPStatus.OK


def test_another_method_is_405_and_another_type_415(client, settings):
    settings.INGEST_API_KEY = "of-the-environment"
    headers = {"X-API-Key": "of-the-environment"}

    assert client.get(PATH, headers=headers).json()["error"]["code"] == "METHOD_NOT_ALLOWED"
    form = client.post(PATH, data={"leadId": "1"}, headers=headers)
    assert (form.status_code, form.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_each_key_has_a_budget_of_its_own(client, settings):
    settings.RATE_LIMIT_MAX = 2
    _, one = api_key_create(name="one", scopes=["ingest"])
    _, other = api_key_create(name="other", scopes=["ingest"])

    answers = [post(client, one) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "THROTTLED"
    assert 1 <= int(answers[2]["Retry-After"]) <= 60
    assert post(client, other).status_code == HTTPStatus.OK


def test_reads_do_not_use_up_the_budget_of_pushes(client, settings):
    settings.RATE_LIMIT_MAX = 1
    _, key = api_key_create(name="one", scopes=["ingest"])

    assert [client.get("/symbols").status_code for _ in range(3)] == [200] * 3
    assert post(client, key).status_code == HTTPStatus.OK


def test_a_body_that_is_too_large_is_413(client, settings):
    settings.INGEST_API_KEY = "of-the-environment"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000

    response = post(client, "of-the-environment", content=b" " * 2001)

    assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(("fills", "positions"), [(100, 10), (500, 20)])
def test_the_number_of_statements_does_not_depend_on_the_rows(push, django_assert_max_num_queries, fills, positions):
    whole = body(
        events=[
            event(f"{'OPEN' if n % 2 else 'CLOSE'}_LONG", amount=n + 1, realizedPnl=n % 7 - 3) for n in range(fills)
        ],
        positions=[position(f"S{n}USDT") for n in range(positions)],
    )
    with django_assert_max_num_queries(15):
        assert push(whole).json()["data"]["eventsInserted"] == fills
    with django_assert_max_num_queries(10):
        assert push(whole).json()["data"]["eventsSkipped"] == fills

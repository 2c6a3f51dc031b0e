"""Keys in the admin: shown once, revoked, never edited."""

import re

import pytest
from django.test import Client

from copytrade.accounts.models import ApiKey, AuditEvent, User
from copytrade.accounts.services import api_key_create, hash_secret
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/apikey/"


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff()
    client.force_login(user)
    return user


def test_a_new_key_is_shown_once_and_stored_as_a_hash(client: Client, staff: User):
    response = client.post(f"{LIST}add/", {"name": "n8n", "scopes": ["ingest"], "user": ""})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    shown = re.search(r'value="(ct_([0-9a-f]+)_([\w-]+))"', response.content.decode())
    assert shown is not None
    key, prefix, secret = shown.groups()
    row = ApiKey.objects.get()
    assert (row.name, row.prefix, row.secret_sha256) == ("n8n", prefix, hash_secret(secret))
    assert key not in client.get(LIST).content.decode()
    event = AuditEvent.objects.get()
    assert (event.action, event.changes) == ("api_key.create", {"scopes": ["ingest"], "user": None})


def test_the_new_key_works(client: Client, staff: User):
    page = client.post(f"{LIST}add/", {"name": "n8n", "scopes": ["ingest"], "user": ""}).content.decode()
    key = page.partition('value="ct_')[2].partition('"')[0]
    response = Client().post(
        "/ingest/binance-copytrade", "{}", content_type="application/json", headers={"X-API-Key": f"ct_{key}"}
    )
    assert response.status_code == 400  # it is let in, and its empty body is refused


@pytest.mark.parametrize(
    "data", [{"name": "", "scopes": ["ingest"]}, {"name": "n8n"}, {"name": "n8n", "scopes": ["x"]}]
)
def test_wrong_input_makes_no_key(client: Client, staff: User, data: dict[str, object]):
    response = client.post(f"{LIST}add/", {"user": "", **data})
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("scope", ["trade", "read"])
def test_a_key_that_acts_for_a_user_needs_one(client: Client, staff: User, scope: str):
    page = client.post(f"{LIST}add/", {"name": "n8n", "scopes": [scope], "user": ""}).content.decode()
    assert f"A key with the scope {scope} acts for a user: choose one." in page
    assert not ApiKey.objects.exists()


def test_somebody_who_is_not_active_gets_no_key(client: Client, staff: User):
    user = make_user(is_active=False)
    page = client.post(f"{LIST}add/", {"name": "n8n", "scopes": ["ingest"], "user": user.pk}).content.decode()
    assert "Is not active" in page
    assert not ApiKey.objects.exists()


def test_the_pages_say_what_each_scope_allows(client: Client, staff: User):
    page = client.get(f"{LIST}add/").content.decode()
    for text in ("ingest: Push leaders", "trade: Place and cancel", "read: Read what is"):
        assert text in page
    user = make_user()
    page = client.post(f"{LIST}add/", {"name": "n8n", "scopes": ["trade"], "user": user.pk}).content.decode()
    assert "trade: Place and cancel" in page
    assert f"<strong>{user.username}</strong>" in page
    page = client.get(f"{LIST}{ApiKey.objects.get().pk}/change/").content.decode()
    assert "trade: Place and cancel" in page
    assert ApiKey.objects.get().secret_sha256 not in page


def test_a_key_is_revoked_by_an_action(client: Client, staff: User):
    row, _ = api_key_create(name="old", scopes=["ingest"])
    client.post(LIST, {"action": "revoke", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert AuditEvent.objects.get().action == "api_key.revoke"


def test_a_key_is_neither_edited_nor_deleted(client: Client, staff: User):
    row, _ = api_key_create(name="n8n", scopes=["ingest"])
    assert client.post(f"{LIST}{row.pk}/change/", {"name": "other"}).status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiKey.objects.get().name == "n8n"


def test_staff_without_permission_make_no_key(client: Client):
    client.force_login(make_user(is_staff=True))
    assert client.post(f"{LIST}add/", {"name": "n8n", "scopes": ["ingest"], "user": ""}).status_code == 403
    assert not ApiKey.objects.exists()

"""The desk's page of pushes."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ingest.models import IngestBatch
from tests.factories import make_leader, make_staff, make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/ingest/ingestbatch/"


def make_batch(**values: object) -> IngestBatch:
    defaults = {"source": "binance", "form": "normalised", "outcome": "stored", "key_name": "n8n"}
    return IngestBatch.objects.create(**{**defaults, "body_bytes": 12_345, "milliseconds": 7, **values})


@pytest.fixture
def staff_client(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def get(client: Client, path: str = LIST) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def statements(client: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        get(client)
    return len(queries)


def test_lists_pushes_with_outcome_and_size(staff_client: Client):
    make_batch(trader=make_leader(nickname="Halcyon"))
    page = get(staff_client)
    for shown in ("Halcyon", "normalised", '<span class="chip pos">Stored</span>', "12,345"):
        assert shown in page


def test_finds_pushes_by_leader_and_outcome(staff_client: Client):
    make_batch(trader=make_leader(external_id="4242"), note="of 4242")
    make_batch(outcome="refused", note="no leader")
    by_leader, refused = get(staff_client, f"{LIST}?q=4242"), get(staff_client, f"{LIST}?outcome__exact=refused")
    assert "of 4242" in by_leader
    assert "no leader" not in by_leader
    assert "no leader" in refused
    assert "of 4242" not in refused


def test_shows_what_was_wrong_as_a_list(staff_client: Client):
    errors = [{"path": "positions[0].size", "message": "is missing"}, {"path": "", "message": "must be <b>an object"}]
    batch = make_batch(outcome="refused", errors=errors)
    page = get(staff_client, f"{LIST}{batch.pk}/change/")
    assert "<li><code>positions[0].size</code> is missing</li>" in page
    assert "<li><code>the body</code> must be &lt;b&gt;an object</li>" in page


def test_takes_as_many_statements_for_one_push_as_for_twenty(staff_client: Client):
    make_batch(trader=make_leader())
    with_one = statements(staff_client)
    for _ in range(19):
        make_batch(trader=make_leader())
    assert statements(staff_client) == with_one


def test_pushes_are_only_looked_at(staff_client: Client):
    batch = make_batch()
    assert staff_client.get(f"{LIST}add/").status_code == 403
    assert staff_client.post(f"{LIST}{batch.pk}/change/", {"note": "x"}).status_code == 403
    assert staff_client.post(f"{LIST}{batch.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_is_not_staff_sees_nothing(client: Client):
    client.force_login(make_user())
    assert client.get(LIST).status_code == 302

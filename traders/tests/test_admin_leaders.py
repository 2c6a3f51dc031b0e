"""The desk: staff find leaders, see what is known of them and decide with a reason."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu.exceptions import OperationalError

from copytrade.accounts.models import AuditEvent, User
from tests.factories import (
    make_daily,
    make_event,
    make_freshness,
    make_leader,
    make_position,
    make_score,
    make_snapshot,
    make_staff,
    make_user,
)
from traders.models import LeadTrader
from traders.tasks import scores_refresh_some

pytestmark = pytest.mark.django_db
LIST = "/admin/traders/leadtrader/"


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff(username="Ada")
    client.force_login(user)
    return user


def make_full_leader(**values: Any) -> LeadTrader:
    leader = make_leader(**values)
    make_score(leader)
    make_freshness(leader)
    make_daily(leader, timezone.now().date(), 5)
    make_event(leader)
    make_position(leader)
    make_snapshot(leader)
    return leader


def get(client: Client, path: str = LIST) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.content.decode()


def decide(client: Client, action: str, *leaders: LeadTrader, **data: Any) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [leader.pk for leader in leaders], **data})


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.usefixtures("staff")
class TestList:
    def test_shows_figures_curve_and_freshness(self, client: Client):
        leader = make_full_leader(nickname="Halcyon Basis")
        page = get(client)
        for shown in ("Halcyon Basis", leader.external_id, "72.50", "+1,234.56", 'class="sparkline pos"', "just now"):
            assert shown in page

    def test_shows_the_best_first_and_those_without_a_score_last(self, client: Client):
        make_leader(nickname="Unscored")
        for name, score in (("Lesser", 40), ("Better", 80)):
            make_score(make_leader(nickname=name), score=score)
        page = get(client)
        assert page.index("Better") < page.index("Lesser") < page.index("Unscored")

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("q=halcyon", {"Halcyon"}),
            ("q=4242", {"Silent"}),
            ("status__exact=approved", {"Silent"}),
            ("freshness=fresh", {"Halcyon"}),
            ("freshness=stale", {"Silent"}),
            ("is_demo__exact=1", {"Halcyon"}),
            ("positions_visible__exact=0", {"Silent"}),
            ("freshness=nonsense", {"Halcyon", "Silent"}),
        ],
    )
    def test_finds_leaders(self, client: Client, query: str, shown: set[str]):
        make_freshness(make_leader(nickname="Halcyon", is_demo=True))
        old = timezone.now() - timedelta(days=1)
        silent = make_leader(nickname="Silent", external_id="4242", status="approved", positions_visible=False)
        make_freshness(silent, reported_at=old, received_at=old)
        page = get(client, f"{LIST}?{query}")
        assert {name for name in ("Halcyon", "Silent") if name in page} == shown

    def test_the_desks_figure_links_to_the_stale_leaders(self, client: Client):
        make_leader(nickname="Silent")
        make_leader(nickname="Blocked", status="blocked")
        desk = get(client, "/admin/")
        assert f'href="{LIST}?freshness=stale" class="waiting"' in desk
        stale = get(client, f"{LIST}?freshness=stale")
        assert "Silent" in stale
        assert "1 lead trader" in stale

    def test_takes_as_many_statements_for_one_leader_as_for_twenty(self, client: Client):
        make_full_leader()
        with_one = statements(lambda: get(client))
        for _ in range(19):
            make_full_leader()
        assert statements(lambda: get(client)) == with_one

    @pytest.mark.parametrize("model", ["tradeevent", "position", "positionsnapshot"])
    def test_lists_of_facts_take_a_constant_number_of_statements(self, client: Client, model: str):
        make_full_leader()
        path = f"/admin/traders/{model}/"
        with_one = statements(lambda: get(client, path))
        for _ in range(19):
            make_full_leader()
        assert statements(lambda: get(client, path)) == with_one


@pytest.mark.usefixtures("staff")
class TestDetail:
    def test_shows_everything_that_is_known(self, client: Client):
        leader = make_full_leader(nickname="Halcyon", raw={"copiers": 71})
        page = get(client, f"{LIST}{leader.pk}/change/")
        for shown in ("Halcyon", "72.50", "Open long", "86,232.48", "+0.42 BTC", "copiers", "not decided"):
            assert shown in page

    def test_shows_the_newest_twenty_fills(self, client: Client):
        leader = make_leader()
        for number in range(21):
            make_event(leader, symbol=f"S{number:02}USDT", event_time=timezone.now() - timedelta(minutes=number))
        page = get(client, f"{LIST}{leader.pk}/change/")
        assert "S19USDT" in page
        assert "S20USDT" not in page

    def test_nothing_is_edited_added_or_deleted_by_hand(self, client: Client):
        leader = make_leader(nickname="Halcyon")
        assert client.post(f"{LIST}{leader.pk}/change/", {"nickname": "Other"}).status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}{leader.pk}/delete/", {"post": "yes"}).status_code == 403
        assert LeadTrader.objects.get().nickname == "Halcyon"


class TestDecisions:
    @pytest.mark.parametrize(
        ("action", "status"),
        [("approve", "approved"), ("feature", "featured"), ("pause", "paused"), ("block", "blocked")],
    )
    def test_a_reason_carries_it_out_and_is_kept(self, client: Client, staff: User, action: str, status: str):
        leaders = [make_leader(), make_leader()]
        response = decide(client, action, *leaders, reason="Looked at it.")
        assert response.status_code == 302
        for leader in leaders:
            leader.refresh_from_db()
            assert (leader.status, leader.staff_note) == (status, "Looked at it.")
        assert set(AuditEvent.objects.values_list("actor", "action", "target", "reason")) == {
            (staff.pk, f"leader.{status}", f"binance:{leader.external_id}", "Looked at it.") for leader in leaders
        }
        assert "Looked at it." in get(client, f"{LIST}{leaders[0].pk}/change/")

    def test_first_it_lists_the_leaders_and_asks_why(self, client: Client, staff: User):
        leader, other = make_leader(nickname="Halcyon"), make_leader(nickname="Other")
        page = decide(client, "block", leader).content.decode()
        assert "Block 1 leader?" in page
        assert "Halcyon" in page
        assert other.nickname not in page
        assert 'name="reason"' in page
        leader.refresh_from_db()
        assert leader.status == "candidate"

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 1001])
    def test_without_a_good_reason_nothing_happens(self, client: Client, staff: User, reason: str):
        leader = make_leader()
        response = decide(client, "approve", leader, reason=reason)
        assert response.status_code == 200
        assert "errorlist" in response.content.decode()
        leader.refresh_from_db()
        assert leader.status == "candidate"
        assert not AuditEvent.objects.exists()

    def test_scores_are_computed_again_by_a_worker(self, client: Client, staff: User):
        leader = make_leader()
        with patch("traders.admin.leaders.scores_refresh_some.delay_on_commit") as send:
            decide(client, "compute_scores", leader)
        send.assert_called_once_with([leader.pk])
        assert scores_refresh_some.name == "traders.scores_refresh_some"
        assert scores_refresh_some([leader.pk]) == 1
        assert sorted(leader.scores.values_list("window", flat=True)) == [7, 30, 90]

    def test_a_queue_that_is_away_is_told(self, client: Client, staff: User):
        with patch("traders.admin.leaders.scores_refresh_some.delay_on_commit", side_effect=OperationalError):
            decide(client, "compute_scores", make_leader())
        assert "The queue does not answer" in get(client)


class TestPermissions:
    def test_who_is_not_staff_is_sent_to_the_login(self, client: Client):
        client.force_login(make_user())
        response = client.get(LIST)
        assert response.status_code == 302
        assert "/admin/login/" in response["Location"]

    def test_staff_who_may_only_look_cannot_decide(self, client: Client):
        viewer = make_user(is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_leadtrader"))
        client.force_login(viewer)
        leader = make_leader(nickname="Halcyon")
        assert "Halcyon" in get(client)
        assert 'value="approve"' not in get(client, f"{LIST}{leader.pk}/change/")
        decide(client, "approve", leader, reason="Because.")
        leader.refresh_from_db()
        assert leader.status == "candidate"

    def test_staff_without_permission_see_nothing(self, client: Client):
        client.force_login(make_user(is_staff=True))
        assert client.get(LIST).status_code == 403

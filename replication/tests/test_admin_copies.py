"""The desk sees copies, signals and decisions with their chains, and pauses, resumes and stops copies after asking."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from copytrade.accounts.models import AuditEvent, User
from orders.models import Order
from replication.models import Copy, LeaderAccount, Signal
from replication.services.stopping import stopping_continue
from replication.tests.api_kit import statements
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is, settle
from tests.factories import make_leader, make_staff, make_user

pytestmark = [pytest.mark.django_db(transaction=True)]
COPIES, DECISIONS, LEADING = (f"/admin/replication/{name}/" for name in ("copy", "copyintent", "leaderaccount"))


@pytest.fixture(autouse=True)
def _prices() -> None:
    price_is()


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff(username="root")
    client.force_login(user)
    return user


def page(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200, (path, response.status_code, response.get("Location"))
    return response.content.decode()


def act(client: Client, action: str, *copies: Copy, **more: str) -> str:
    """Run an action on copies; return the page that follows."""
    body = {"action": action, "_selected_action": [copy.pk for copy in copies], **more}
    return client.post(COPIES, body, follow=True).content.decode()


def trail(action: str) -> list[tuple[str, str]]:
    return list(AuditEvent.objects.filter(action=action).values_list("actor_name", "reason"))


def test_copies_are_listed_and_shown_with_what_they_hold(client: Client, staff: User):
    leader, account = make_master()
    copy = follow(leader, allocated=D(100_000))
    lead(account, "BUY", "0.1")
    listed = page(client, COPIES, q=leader.nickname)
    assert leader.nickname in listed
    assert "100000" in listed
    shown = page(client, f"{COPIES}{copy.pk}/change/")
    assert "0.1" in shown
    assert "BTCUSDT" in shown


def test_a_copy_is_paused_only_once_it_was_confirmed(client: Client, staff: User):
    copy = follow(make_master()[0])
    assert "Are you sure?" in act(client, "pause", copy)
    copy.refresh_from_db()
    assert copy.state == "active"
    assert "1 copy paused." in act(client, "pause", copy, confirmed="yes")
    copy.refresh_from_db()
    assert copy.state == "paused"
    assert trail("copy.pause") == [("root", "Paused by staff.")]
    act(client, "resume", copy, confirmed="yes")
    copy.refresh_from_db()
    assert copy.state == "active"


def test_a_copy_that_has_ended_is_not_said_to_close_what_it_kept(client: Client, staff: User):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    act(client, "stop", copy, confirmed="yes")

    told = act(client, "stop_and_close", copy, confirmed="yes")

    assert "This copy has ended" in told
    assert "told to close" not in told
    assert held(copy) == D("0.1")


def test_staff_stop_copies_and_keep_or_close_what_they_hold(client: Client, staff: User):
    leader, account = make_master()
    keeping, closing = follow(leader), follow(leader)
    lead(account, "BUY", "0.1")
    act(client, "stop", keeping, confirmed="yes")
    act(client, "stop_and_close", closing, confirmed="yes")
    settle()
    stopping_continue()
    assert (held(keeping), held(closing)) == (D("0.1"), 0)
    assert set(Copy.objects.values_list("state", flat=True)) == {"ended"}
    assert {name for name, _ in trail("copy.stop")} == {"root"}


def test_one_that_refuses_does_not_hold_up_the_others(client: Client, staff: User):
    leader, _ = make_master()
    ended, active = follow(leader), follow(leader)
    act(client, "stop", ended, confirmed="yes")
    answer = act(client, "pause", ended, active, confirmed="yes")
    assert "This copy has ended" in answer
    assert "1 copy paused." in answer


def test_who_may_only_look_stops_nothing(client: Client):
    copy = follow(make_master()[0])
    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_copy"))
    client.force_login(viewer)
    act(client, "stop", copy, confirmed="yes")
    copy.refresh_from_db()
    assert copy.state == "active"


def test_a_signal_is_shown_with_its_trades_and_what_was_decided(client: Client, staff: User):
    leader, account = make_master()
    follow(leader)
    follow(leader, denied_symbols=("BTCUSDT",))
    lead(account, "BUY", "0.1")
    shown = page(client, f"/admin/replication/signal/{Signal.objects.get().pk}/change/")
    assert "BUY, made here" in shown
    assert "1 filled" in shown
    assert "1 skipped" in shown
    assert leader.nickname in page(client, "/admin/replication/signal/", q="BTCUSDT")


def test_the_page_of_a_decision_tells_the_whole_chain(client: Client, staff: User):
    leader, account = make_master()
    copy = follow(leader, max_order=D(1000))
    lead(account, "BUY", "0.1")
    intent = decision(copy)
    order = Order.objects.get(cause_id=intent.pk)
    shown = page(client, f"{DECISIONS}{intent.pk}/change/")
    for text in (
        "What the leader traded",
        "BUY, made here",
        "OPEN LONG",
        "Cut from 0.1 to 0.02: one order may be worth 1000 USDT at most (MAX_ORDER).",
        order.client_order_id,
        "→ FILLED",
        "The leader traded",
        "Acknowledged",
        " ms",
    ):
        assert text in shown, text


def test_the_pages_of_a_copy_and_of_its_order_lead_to_the_decision(client: Client, staff: User):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    intent = decision(copy)

    of_copy = page(client, f"/admin/replication/copy/{copy.pk}/change/")
    of_order = page(client, f"/admin/orders/order/{Order.objects.get(cause_id=intent.pk).pk}/change/")
    of_leading = page(client, f"/admin/orders/order/{Order.objects.get(cause_id=None).pk}/change/")

    assert f'href="{DECISIONS}?copy__id__exact={copy.pk}"' in of_copy
    assert f"#{intent.pk}" in page(client, DECISIONS, copy__id__exact=str(copy.pk))
    assert f'href="{DECISIONS}{intent.pk}/change/"' in of_order
    assert DECISIONS not in of_leading.replace(f'href="{DECISIONS}"', "")


def test_decisions_are_found_by_owner_leader_symbol_code_and_client_order_id(client: Client, staff: User):
    leader, account = make_master()
    one, two = follow(leader), follow(leader, denied_symbols=("BTCUSDT",))
    lead(account, "BUY", "0.1")
    order = Order.objects.get(cause_id=decision(one).pk)

    def found(text: str) -> set[int]:
        shown = page(client, DECISIONS, q=text)
        return {copy.pk for copy in (one, two) if f"/copyintent/{decision(copy).pk}/change/" in shown}

    assert found(one.account.user.username) == found(order.client_order_id) == {one.pk}
    assert found(f"{leader.nickname.split()[0]}") == {one.pk, two.pk}
    assert found("btcusdt") >= {one.pk}
    assert found("symbol_denied") == {two.pk}
    assert found("nothing-like-it") == set()


def test_lists_take_as_many_statements_for_many_rows_as_for_few(client: Client, staff: User):
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.1")
    lists = (COPIES, DECISIONS, LEADING, "/admin/replication/signal/")
    for path in lists:
        page(client, path)
    few = [statements(partial(page, client, path)) for path in lists]
    for _ in range(3):
        follow(leader)
        make_master()
    lead(account, "BUY", "0.1")
    assert [statements(partial(page, client, path)) for path in lists] == few


def test_staff_let_an_account_at_a_broker_lead_and_end_it(client: Client, staff: User):
    leader = make_leader(status="approved")
    copy = follow(leader)
    account = paper_account()
    assert page(client, f"{LEADING}add/")
    client.post(f"{LEADING}add/", {"account": account.pk, "trader": leader.pk})
    account.refresh_from_db()
    assert account.is_led
    lead(account, "BUY", "0.1")
    assert held(copy) == D("0.1")
    led = LeaderAccount.objects.get(account=account)
    client.post(LEADING, {"action": "remove", "_selected_action": [led.pk]})
    account.refresh_from_db()
    assert not account.is_led
    lead(account, "BUY", "0.1")
    assert held(copy) == D("0.1")
    assert [name for name, _ in trail("leader_account.add") + trail("leader_account.remove")] == ["root", "root"]


def test_an_account_that_copies_somebody_does_not_lead(client: Client, staff: User):
    copy = follow(make_master()[0])
    leader = make_leader()
    answer = client.post(f"{LEADING}add/", {"account": copy.account_id, "trader": leader.pk})
    assert "copies are not copied on" in answer.content.decode()
    assert not LeaderAccount.objects.filter(trader=leader).exists()

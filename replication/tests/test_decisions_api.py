"""A user reads what copies decided and why, as a whole chain, and tries again what failed."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from copytrade.accounts.models import AuditEvent
from orders.models import Fill, Order, OrderEvent
from orders.services.accounts import account_pause, account_resume
from replication.models import Copy, CopyIntent, Signal
from replication.services.copies import copy_stop
from replication.services.refusing import CopyConflict
from replication.services.retrying import decision_retry
from replication.tests.api_kit import as_user, get, post, statements
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is, settle
from tests.factories import make_market
from traders.models import SymbolAggregate

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices(settings: Any) -> None:
    settings.ORDER_RATE_LIMIT_MAX = 1_000
    price_is()


@pytest.fixture
def scene():
    leader, account = make_master()
    mine = paper_account()
    return leader, account, mine, as_user(mine.user)


def fail(copy: Any) -> CopyIntent:
    """Make the newest decision of a copy one whose order the venue refused, long ago."""
    intent = decision(copy)
    long_ago = timezone.now() - timedelta(hours=1)
    orders = Order.objects.filter(cause_id=intent.pk)
    Fill.objects.filter(order__in=orders).delete()
    orders.update(state="REJECTED", reason_code="REFUSED", reason="No.", filled_quantity=0, booked_quantity=0)
    copy.positions.all().delete()
    copy.account.holdings.all().delete()
    Signal.objects.filter(pk=intent.signal_id).update(event_time=long_ago, detected_at=long_ago)
    copy.started_at = long_ago - timedelta(hours=1)
    copy.save(update_fields=["started_at"])
    CopyIntent.objects.filter(pk=intent.pk).update(
        state="failed", code="REFUSED", message="No.", filled_quantity=0, finished_at=long_ago
    )
    return CopyIntent.objects.get(pk=intent.pk)


def test_a_decision_says_what_the_leader_did_and_what_came_of_it(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine, ratio=D("0.5"))
    lead(account, "BUY", "0.1")
    row = get(client, "decisions/")["data"][0]
    expected = {
        "copy_id": copy.pk,
        "master_id": leader.pk,
        "state": "filled",
        "action": "OPEN",
        "exits": False,
        "leader_symbol": "BTCUSDT",
        "symbol": "BTCUSDT",
        "side": "LONG",
        "quantity": "0.05",
        "filled_quantity": "0.05",
        "attempts": 1,
    }
    assert {name: row[name] for name in expected} == expected
    assert get(client, f"copies/{copy.pk}/decisions")["data"] == [row]


def test_a_skipped_one_says_why_in_a_sentence_and_in_numbers(scene):
    leader, account, mine, client = scene
    follow(leader, mine, denied_symbols=("BTCUSDT",))
    lead(account, "BUY", "0.1")
    row = get(client, "decisions/", state="skipped")["data"][0]
    assert (row["code"], row["message"]) == ("SYMBOL_DENIED", "BTCUSDT is on the copy's list of symbols not to follow.")


def test_a_cut_one_says_from_what_to_what(scene):
    leader, account, mine, client = scene
    follow(leader, mine, max_order=D(1000))
    lead(account, "BUY", "0.1")
    row = get(client, "decisions/")["data"][0]
    assert row["capped"] == [{"code": "MAX_ORDER", "from": "0.1", "to": row["quantity"], "limit": "1000"}]


def test_the_whole_chain_of_one_decision_is_told(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    master = lead(account, "BUY", "0.1")
    story = get(client, f"decisions/{decision(copy).pk}")["data"]
    assert story["signal"]["trades"][0]["kind"] == "BUY"
    order = story["orders"][0]
    assert (order["master_order_id"], order["state"], order["origin"]) == (master.pk, "FILLED", "copy")
    assert sum(D(fill["quantity"]) for fill in order["fills"]) == D("0.1")
    assert order["events"][-1]["to_state"] == "FILLED"
    assert story["latency_ms"]["total"] > 0


def test_the_list_goes_on_from_a_cursor_and_is_filtered(scene):
    leader, account, mine, client = scene
    second, other_account = make_master()
    follow(leader, mine)
    follow(second, paper_account(mine.user), denied_symbols=("BTCUSDT",))
    for _ in range(3):
        lead(account, "BUY", "0.01")
    lead(other_account, "BUY", "0.01")
    first = get(client, "decisions/", limit=3)
    rest = get(client, "decisions/", limit=3, cursor=first["meta"]["next_cursor"])
    ids = [row["id"] for row in first["data"] + rest["data"]]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest["meta"]["next_cursor"]) == (4, None)

    def found(**query: Any) -> int:
        return len(get(client, "decisions/", **query)["data"])

    assert found(state="skipped") == found(code="SYMBOL_DENIED") == found(trader=second.pk) == 1
    make_market(symbol="ETHUSDT")
    SymbolAggregate.objects.create(platform="binance", symbol="SOLUSDT")
    third, _ = make_master()
    assert (found(symbol="BTCUSDT"), found(symbol="ETHUSDT"), found(symbol="SOLUSDT")) == (4, 0, 0)
    assert found(trader=third.pk) == 0
    for unknown in ({"symbol": "NOWHEREUSDT"}, {"trader": 10**9}):
        get(client, "decisions/", status=404, **unknown)
    for wrong in ({"state": "lost"}, {"code": "a b"}, {"trader": "-1"}, {"cursor": "x" * 40}, {"symbol": " "}):
        get(client, "decisions/", status=400, **wrong)


def test_anybody_elses_decision_is_not_there(scene):
    leader, account, _, client = scene
    other = follow(leader)
    lead(account, "BUY", "0.1")
    pk = decision(other).pk
    assert get(client, "decisions/")["data"] == []
    get(client, f"decisions/{pk}", status=404)
    post(client, f"decisions/{pk}/retry", status=404)


def test_a_page_takes_as_many_statements_for_many_decisions_as_for_one(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.01")
    few = statements(lambda: get(client, "decisions/"))
    one = statements(lambda: get(client, f"decisions/{decision(copy).pk}"))
    for _ in range(3):
        lead(account, "BUY", "0.01")
    assert statements(lambda: get(client, "decisions/")) == few
    assert one <= 10


def test_a_failed_entry_is_tried_again_by_what_holds_now_however_old_it_is(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine, max_signal_age_seconds=60)
    lead(account, "BUY", "0.1")
    intent = fail(copy)
    story = post(client, f"decisions/{intent.pk}/retry")["data"]
    assert (story["state"], story["attempts"], story["filled_quantity"]) == ("filled", 2, "0.1"), story["message"]
    assert [order["state"] for order in story["orders"]] == ["REJECTED", "FILLED"]
    settle()
    assert held(copy) == D("0.1")
    assert Signal.objects.get().state == "done"
    assert AuditEvent.objects.get(action="decision.retry").target == f"decision:{intent.pk}"


def test_the_times_of_what_is_tried_again_are_those_of_its_last_attempt(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")

    story = post(client, f"decisions/{fail(copy).pk}/retry")["data"]

    moments = [story[name] for name in ("planned_at", "sent_at", "acknowledged_at", "filled_at")]
    assert moments == sorted(moments)
    hops = story["latency_ms"]
    assert min(hops.values()) >= 0
    assert hops["total"] == story["orders"][-1]["replication_latency_ms"]


def test_an_exit_of_which_nothing_is_held_any_more_is_skipped_when_it_is_tried_again_and_was_not_sent(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    lead(account, "SELL", "0.1")

    story = post(client, f"decisions/{fail(copy).pk}/retry")["data"]

    assert (story["state"], story["exits"]) == ("skipped", True)
    hops = story["latency_ms"]
    assert (hops["sent"], hops["acknowledged"], hops["total"]) == (None, None, None)


def test_what_would_be_skipped_now_stays_failed_until_it_can_be_tried_again(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    intent = fail(copy)
    Copy.objects.filter(pk=copy.pk).update(denied_symbols=["BTCUSDT"])

    answer = post(client, f"decisions/{intent.pk}/retry", status=409)

    assert "would be skipped now (SYMBOL_DENIED)" in answer["error"]["message"]
    kept = decision(copy)
    assert (kept.state, kept.code, kept.message, kept.attempts) == ("failed", "REFUSED", "No.", 1)
    assert not AuditEvent.objects.filter(action="decision.retry").exists()
    Copy.objects.filter(pk=copy.pk).update(denied_symbols=[])
    assert post(client, f"decisions/{intent.pk}/retry")["data"]["state"] == "filled"


def test_a_failed_exit_is_tried_again(scene, monkeypatch: pytest.MonkeyPatch):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    account_pause(account=mine, actor=mine.user)
    lead(account, "SELL", "0.1")
    CopyIntent.objects.filter(pk=decision(copy).pk).update(state="failed", attempts=6)
    account_resume(account=mine, actor=mine.user)
    story = post(client, f"decisions/{decision(copy).pk}/retry")["data"]
    assert (story["state"], story["exits"]) == ("filled", True), story["message"]
    assert held(copy) == 0


def test_only_what_has_failed_is_tried_again(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    answer = post(client, f"decisions/{decision(copy).pk}/retry", status=409)
    assert answer["error"]["message"] == "Only what has failed can be tried again; this is filled."
    assert held(copy) == D("0.1")


def test_nothing_is_tried_again_for_a_copy_that_has_ended(scene):
    leader, account, mine, client = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    intent = fail(copy)
    copy_stop(copy=copy, close=False, actor=mine.user)
    post(client, f"decisions/{intent.pk}/retry", status=409)


def test_of_two_clicks_at_once_one_is_carried_out(scene):
    leader, account, mine, _ = scene
    copy = follow(leader, mine)
    lead(account, "BUY", "0.1")
    intent = fail(copy)
    results: list[str] = []
    both = threading.Barrier(2)

    def click() -> None:
        try:
            both.wait()
            decision_retry(intent=intent, actor=mine.user)
            results.append("done")
        except CopyConflict:
            results.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle()
    assert sorted(results) == ["done", "refused"]
    assert Order.objects.filter(cause_id=intent.pk).count() == 2
    assert held(copy) == D("0.1")
    assert OrderEvent.objects.filter(order__cause_id=intent.pk, to_state="FILLED").count() == 2

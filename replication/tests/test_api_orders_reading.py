"""A person reads their orders: filtered, page by page, and each with its whole chain."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orders.models import Order
from replication.engine.running import fan_out
from replication.models import CopyIntent, Signal
from replication.tests.callers import code, data, get, post, statements
from replication.tests.kit import D, follow, lead, make_master, paper_account, price_is
from tests.factories import make_account, make_event, make_leader, make_market, make_order, make_user
from traders.models import LeaderStatus

pytestmark = [pytest.mark.django_db(transaction=True)]
MINE = "/api/orders/my-orders"


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def owner():
    return make_user()


def ids(user: Any, query: str = "") -> list[int]:
    return [order["id"] for order in get(user, f"{MINE}{query}")["data"]]


@pytest.mark.django_db
class TestListing:
    def test_the_newest_comes_first_and_others_orders_are_not_there(self, owner):
        account = make_account(user=owner)
        first, second = make_order(account=account), make_order(account=account)
        make_order()
        assert ids(owner) == [second.pk, first.pk]

    def test_nobody_without_orders_has_any(self, owner):
        answer = get(owner, MINE)
        assert (answer["data"], answer["meta"]) == ([], {"next_cursor": None, "limit": 50})

    def test_a_cursor_leads_to_the_next_page_whatever_comes_in_between(self, owner):
        account = make_account(user=owner)
        orders = [make_order(account=account).pk for _ in range(5)]
        page = get(owner, f"{MINE}?limit=2")
        seen = [order["id"] for order in page["data"]]
        make_order(account=account)
        while page["meta"]["next_cursor"]:
            page = get(owner, f"{MINE}?limit=2&cursor={page['meta']['next_cursor']}")
            seen += [order["id"] for order in page["data"]]
        assert seen == orders[::-1]

    @pytest.mark.parametrize(
        ("state", "filled", "status"),
        [
            ("PENDING", 0, "PENDING"),
            ("SENDING", 0, "SUBMITTED"),
            ("UNKNOWN", 0, "SUBMITTED"),
            ("NEW", 0, "SUBMITTED"),
            ("PARTIALLY_FILLED", 1, "PARTIAL"),
            ("CANCELED", 1, "PARTIAL"),
            ("EXPIRED", 1, "PARTIAL"),
            ("FILLED", 1, "EXECUTED"),
            ("CANCELED", 0, "CANCELLED"),
            ("EXPIRED", 0, "CANCELLED"),
            ("REJECTED", 0, "FAILED"),
            ("FAILED", 0, "FAILED"),
        ],
    )
    def test_a_status_is_told_and_filtered_in_the_same_words(self, owner, state, filled, status):
        account = make_account(user=owner)
        order = make_order(account=account, state=state, filled_quantity=D(filled))
        words = ("PENDING", "SUBMITTED", "PARTIAL", "EXECUTED", "CANCELLED", "FAILED")
        assert get(owner, MINE)["data"][0]["status"] == status
        assert [word for word in words if ids(owner, f"?status={word}") == [order.pk]] == [status]

    def test_the_other_filters_keep_what_they_name(self, owner):
        account, other = make_account(user=owner), make_account(user=owner)
        old = make_order(account=account, created_at=timezone.now() - timedelta(days=2))
        sale = make_order(account=account, side="SELL")
        ether = make_order(account=other, market=make_market(symbol="ETHUSDT", base_asset="ETH"))
        moment = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        make_market(symbol="SOLUSDT")
        assert ids(owner, "?symbol=ethusdt") == [ether.pk]
        assert ids(owner, "?symbol=SOLUSDT") == []
        get(owner, f"{MINE}?symbol=NOWHEREUSDT", 404)
        assert ids(owner, "?side=SELL") == [sale.pk]
        assert ids(owner, f"?account={other.pk}") == [ether.pk]
        assert ids(owner, f"?to={moment}") == [old.pk]
        assert ids(owner, f"?from={moment}&account={account.pk}") == [sale.pk]
        assert ids(owner, "?from=4102444800000") == []

    @pytest.mark.parametrize(
        "query",
        ["status=DONE", "side=buy", "role=x", "is_master_order=1", "from=now", "to=99999999999999999", "limit=501",
         "cursor=x", "account=x", "from=2026-02-05T00:00:00%2B25:00"],
    )  # fmt: skip
    def test_what_cannot_be_understood_is_refused(self, owner, query):
        assert get(owner, f"{MINE}?{query}", 400)["error"]["code"] == "VALIDATION_ERROR"

    def test_somebody_elses_account_is_not_there(self, owner):
        assert get(owner, f"{MINE}?account={make_account().pk}", 404)["error"]["code"] == "NOT_FOUND"

    def test_nobody_is_asked_who_they_are(self):
        assert get(None, MINE, 401)["error"]["code"] == "NOT_AUTHENTICATED"


class TestListingCopies:
    def test_what_leads_and_what_copies_is_told_apart(self):
        leader, account = make_master()
        copy = follow(leader)
        own = lead(account, "BUY", "0.1")
        copied = Order.objects.get(origin="copy")
        assert ids(account.user, "?role=master") == ids(account.user, "?is_master_order=true") == [own.pk]
        assert ids(account.user, "?role=copy") == ids(account.user, "?is_master_order=false") == []
        assert ids(copy.account.user, "?role=copy") == ids(copy.account.user, "?is_master_order=false") == [copied.pk]
        told = get(copy.account.user, MINE)["data"][0]
        assert (told["is_master_order"], told["master_id"], told["master_order_id"]) == (False, leader.pk, own.pk)
        assert told["replication_latency_ms"] > 0

    def test_many_orders_take_no_more_statements_than_one(self):
        leader, account = make_master()
        copy = follow(leader)
        lead(account, "BUY", "0.1")
        few = statements(lambda: get(copy.account.user, MINE))
        for _ in range(5):
            lead(account, "BUY", "0.01")
        assert len(ids(copy.account.user)) == 6
        assert statements(lambda: get(copy.account.user, MINE)) == few


class TestTheChain:
    def test_a_copy_shows_the_leaders_trade_the_decision_each_step_and_each_fill(self):
        leader, account = make_master()
        copy = follow(leader, ratio=D("0.5"), max_order=D(2_000))
        own = lead(account, "BUY", "0.1")

        order = get(copy.account.user, f"/api/orders/{Order.objects.get(origin='copy').pk}")["data"]

        assert order["master_order_id"] == own.pk
        signal, decision = order["signal"], order["decision"]
        assert (signal["source"], signal["action"], signal["side"]) == ("fill", "OPEN", "LONG")
        assert {(trade["source"], trade["kind"]) for trade in signal["trades"]} == {("fill", "BUY")}
        assert sum(D(trade["quantity"]) for trade in signal["trades"]) == D("0.1")
        assert (decision["state"], decision["code"], decision["copy_id"]) == ("filled", None, copy.pk)
        assert decision["master"] == leader.nickname
        assert [(cut["code"], D(cut["from"])) for cut in decision["capped"]] == [("MAX_ORDER", D("0.05"))]
        hops = decision["latency_ms"]
        assert all(hops[name] >= 0 for name in ("detected", "planned", "sent", "acknowledged", "filled"))
        assert hops["total"] == order["replication_latency_ms"]
        assert [step["to_state"] for step in order["events"]] == ["SENDING", "FILLED"]
        assert sum(D(fill["quantity"]) for fill in order["fills"]) == D(order["filled_quantity"])
        assert order["replication"] is None

    def test_a_masters_order_shows_what_became_of_it(self):
        leader, account = make_master()
        follow(leader)
        follow(leader, denied_symbols=("BTCUSDT",))
        own = lead(account, "BUY", "0.1")

        order = get(account.user, f"/api/orders/{own.pk}")["data"]

        assert (order["signal"], order["decision"]) == (None, None)
        figures = order["replication"]
        assert (figures["total"], figures["filled"], figures["skipped"]) == (2, 1, 1)
        assert (figures["skipped_by_code"], figures["success_rate"]) == ({"SYMBOL_DENIED": 1}, "100")
        latency = figures["latency"]
        assert latency["count"] == 1
        assert latency["p50_ms"] == latency["p99_ms"] == latency["average_ms"] > 0

    def test_a_copy_of_a_watched_leader_shows_what_was_seen(self):
        leader = make_leader(status=LeaderStatus.APPROVED)
        copy = follow(leader)
        make_event(leader, price=D(50_000), amount=D("0.1"), event_time=timezone.now(), awaits_copy=True)
        fan_out()

        order = get(copy.account.user, f"/api/orders/{Order.objects.get(origin='copy').pk}")["data"]

        assert order["master_order_id"] is None
        assert (
            order["signal"]["trades"][0].items() >= {"source": "event", "kind": "OPEN_LONG", "quantity": "0.1"}.items()
        )

    def test_a_simple_order_has_no_chain(self, owner):
        order = make_order(account=make_account(user=owner))
        told = get(owner, f"/api/orders/{order.pk}")["data"]
        assert (told["signal"], told["decision"], told["replication"], told["fills"]) == (None, None, None, [])

    def test_somebody_elses_order_and_one_that_is_not_there_are_the_same(self, owner):
        for number in (make_order().pk, 10**12):
            assert get(owner, f"/api/orders/{number}", 404)["error"]["code"] == "NOT_FOUND"

    def test_many_followers_take_no_more_statements_than_one(self):
        leader, account = make_master()
        follow(leader)
        few = lead(account, "BUY", "0.01")
        before = statements(lambda: get(account.user, f"/api/orders/{few.pk}"))
        for _ in range(5):
            follow(leader)
        many = lead(account, "BUY", "0.01")
        assert CopyIntent.objects.filter(signal=Signal.objects.latest("pk")).count() == 6
        assert statements(lambda: get(account.user, f"/api/orders/{many.pk}")) == before


class TestCancelling:
    @pytest.fixture
    def waiting(self):
        account = paper_account()
        body = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "LIMIT", "quantity": "0.01", "price": "49000"}
        order = data(post(account.user, "/api/orders/place", body), 201)
        return account.user, order["id"]

    def test_what_waits_at_the_venue_is_cancelled(self, waiting):
        user, number = waiting
        order = data(post(user, f"/api/orders/{number}/cancel"))
        assert (order["status"], order["state"]) == ("CANCELLED", "CANCELED")

    def test_cancelling_again_changes_nothing(self, waiting):
        user, number = waiting
        first = data(post(user, f"/api/orders/{number}/cancel"))
        assert data(post(user, f"/api/orders/{number}/cancel")) == first

    def test_what_was_filled_stays_filled(self):
        account = paper_account()
        body = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
        order = data(post(account.user, "/api/orders/place", body), 201)
        assert data(post(account.user, f"/api/orders/{order['id']}/cancel"))["status"] == "EXECUTED"

    def test_somebody_elses_order_is_not_there_and_goes_on(self, waiting):
        _, number = waiting
        assert code(post(make_user(), f"/api/orders/{number}/cancel")) == (404, "NOT_FOUND")
        assert Order.objects.get(pk=number).state == "NEW"

    def test_orders_may_be_used_up_and_cancelling_goes_on(self, waiting, settings):
        settings.ORDER_RATE_LIMIT_MAX = 1
        user, number = waiting
        assert data(post(user, f"/api/orders/{number}/cancel"))["state"] == "CANCELED"

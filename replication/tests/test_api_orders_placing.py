"""A person places an order: it is checked whole, written once, sent once, and copied by those who follow."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from copytrade.accounts.models import Scope
from copytrade.accounts.services import api_key_create
from markets.venues.errors import AuthFailed, Rejected, VenueDown
from orders.models import AccountState, HaltMode, HaltScope, Mode, Order, TradingAccount
from orders.services.accounts import account_create
from orders.services.halts import halt_create
from orders.tests import conftest
from orders.tests.conftest import make_live_account
from replication.engine import beginning
from replication.engine.running import fan_out
from replication.models import Copy
from replication.tests.callers import code, data, post, problems
from replication.tests.kit import D, follow, held, make_master, paper_account, price_is
from tests.factories import make_account, make_market, make_staff, make_user

pytestmark = [pytest.mark.django_db(transaction=True)]
PLACE = "/api/orders/place"
venue = conftest.venue
BUY: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "MARKET", "quantity": 0.01}


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def account() -> TradingAccount:
    return paper_account()


class TestPlacing:
    def test_a_market_order_is_filled_and_answered(self, account):
        order = data(post(account.user, PLACE, BUY), 201)

        assert (
            order.items()
            >= {
                "user_id": account.user_id,
                "account_id": account.pk,
                "symbol": "BTCUSDT",
                "market_type": "usd_m",
                "side": "BUY",
                "order_type": "MARKET",
                "quantity": "0.01",
                "price": None,
                "status": "EXECUTED",
                "state": "FILLED",
                "executed_quantity": "0.01",
                "filled_quantity": "0.01",
                "origin": "manual",
                "is_master_order": False,
                "master_order_id": None,
                "replication_latency_ms": None,
                "error_message": None,
            }.items()
        )
        assert order["broker_order_id"]
        assert 0 <= D(order["average_price"]) / 50_000 - 1 < D("0.001")
        assert order["executed_at"] >= order["created_at"]

    def test_the_price_of_a_market_order_is_only_an_idea_of_the_market(self, account):
        order = data(post(account.user, PLACE, {**BUY, "price": 2450.50}), 201)
        assert order["price"] is None
        assert D(order["average_price"]) > 49_000

    def test_a_limit_order_waits_at_its_price(self, account):
        body = {**BUY, "order_type": "LIMIT", "price": "49000.10"}
        order = data(post(account.user, PLACE, body), 201)
        assert (order["status"], order["state"]) == ("SUBMITTED", "NEW")
        assert (order["price"], order["time_in_force"]) == ("49000.1", "GTC")

    def test_a_stop_waits_for_its_price(self, account):
        post(account.user, PLACE, BUY)
        body = {**BUY, "side": "SELL", "order_type": "STOP_MARKET", "stop_price": 48000, "reduce_only": True}
        order = data(post(account.user, PLACE, body), 201)
        assert (order["status"], order["stop_price"], order["reduce_only"]) == ("SUBMITTED", "48000", True)

    def test_numbers_keep_their_digits(self, account):
        body = '{"symbol": "BTCUSDT", "side": "BUY", "order_type": "LIMIT", "quantity": 0.0110, "price": 49000.10}'
        data(post(account.user, PLACE, body), 201)
        order = Order.objects.get()
        assert (order.quantity, order.price) == (Decimal("0.011"), Decimal("49000.10"))

    def test_what_a_master_places_is_copied(self):
        leader, account = make_master()
        copies = [follow(leader) for _ in range(3)]

        order = data(post(account.user, PLACE, BUY), 201)
        fan_out()

        assert (order["origin"], order["is_master_order"]) == ("master", True)
        assert {held(copy) for copy in copies} == {D("0.01")}

    @pytest.mark.parametrize(("followed", "woken"), [(True, ["replication.fan_out"]), (False, [])])
    def test_the_engine_is_woken_where_somebody_copies(self, followed, woken, monkeypatch):
        sent: list[str] = []
        monkeypatch.setattr(beginning, "wake", sent.append)
        leader, account = make_master()
        if followed:
            follow(leader)
        data(post(account.user, PLACE, BUY), 201)
        assert sent == woken

    def test_a_key_that_may_trade_places_orders(self, account, client):
        _, key = api_key_create(name="n8n", scopes=[Scope.TRADE], user=account.user)
        answer = client.post(PLACE, BUY, content_type="application/json", headers={"X-API-Key": key})
        assert data(answer, 201)["account_id"] == account.pk


class TestTheAccount:
    def test_the_named_one_is_taken(self, account):
        second = paper_account(account.user)
        assert data(post(account.user, PLACE, {**BUY, "account": second.pk}), 201)["account_id"] == second.pk

    def test_without_a_name_it_is_the_oldest_that_has_the_symbol(self, account):
        paper_account(account.user, venue="binance")
        paper_account(account.user)
        assert data(post(account.user, PLACE, BUY), 201)["account_id"] == account.pk

    def test_a_master_trades_on_the_account_that_leads(self):
        user = make_user()
        paper_account(user)
        _, leading = make_master(user=user)
        assert data(post(user, PLACE, BUY), 201)["account_id"] == leading.pk

    def test_one_that_is_paused_is_passed_over_for_one_that_trades(self, account):
        second = paper_account(account.user)
        TradingAccount.objects.filter(pk=account.pk).update(state=AccountState.PAUSED)
        assert data(post(account.user, PLACE, BUY), 201)["account_id"] == second.pk

    def test_somebody_elses_is_not_there(self, account):
        assert code(post(make_user(), PLACE, {**BUY, "account": account.pk})) == (404, "NOT_FOUND")
        assert not Order.objects.exists()

    def test_without_an_account_at_a_venue_with_the_symbol_one_is_told_which_to_open(self):
        make_market(venue="binanceusdm")
        told = problems(post(make_user(), PLACE, BUY))
        assert told == {"account": "none of your accounts trades BTCUSDT: open one at binanceusdm"}


@pytest.mark.django_db
class TestBadInput:
    @pytest.fixture
    def account(self) -> TradingAccount:
        return make_account()

    @pytest.mark.parametrize(
        ("change", "path", "words"),
        [
            ({"side": "HOLD"}, "side", "must be one of BUY, SELL"),
            ({"order_type": "STOP"}, "order_type", "STOP_LIMIT"),
            ({"quantity": 0}, "quantity", "must be above 0"),
            ({"quantity": "NaN"}, "quantity", "must be above 0"),
            ({"quantity": -1}, "quantity", "must be above 0"),
            ({"quantity": "1e40"}, "quantity", "more than 30 digits"),
            ({"quantity": None}, "quantity", "must be a number, not null"),
            ({"quantity": "0.00001"}, "quantity", "is below the smallest"),
            ({"quantity": "0.0015001"}, "quantity", "is not on the steps"),
            ({"order_type": "LIMIT"}, "price", "LIMIT orders need it"),
            ({"order_type": "LIMIT", "price": "49000.123"}, "price", "is not on the steps"),
            ({"order_type": "LIMIT", "price": 1_000}, "quantity", "below the smallest"),
            ({"order_type": "STOP_LIMIT", "price": 48000}, "stop_price", "STOP_LIMIT orders need it"),
            ({"stop_price": 48000}, "stop_price", "does not go with MARKET"),
            ({"time_in_force": "IOC"}, "time_in_force", "does not go with MARKET"),
            ({"position_side": "LONG"}, "position_side", "one-way"),
            ({"account": 0}, "account", "at least 1"),
            ({"client_order_id": "with space"}, "client_order_id", "1 to 36 letters"),
            ({"client_order_id": "two-lines\n"}, "client_order_id", "1 to 36 letters"),
            ({"symbol": "BTCUSDT\n"}, "symbol", "without blanks"),
            ({"reduceOnly": True}, "reduceOnly", "is no field here"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_written(self, account, change, path, words):
        told = problems(post(account.user, PLACE, BUY | change))
        assert words in told[path]
        assert not Order.objects.exists()

    def test_everything_wrong_is_told_at_once(self, account):
        told = problems(post(account.user, PLACE, {"symbol": "BTCUSDT", "side": "UP", "quantity": {}}))
        assert told.keys() == {"side", "quantity"}

    def test_no_json_is_said_to_be_none(self, account):
        assert code(post(account.user, PLACE, "{")) == (400, "MALFORMED_JSON")

    def test_an_unknown_symbol_is_not_there(self, account):
        assert code(post(account.user, PLACE, {**BUY, "symbol": "NOTHING"})) == (404, "NOT_FOUND")

    def test_a_symbol_that_no_market_of_that_kind_has_is_not_there(self, account):
        make_market(venue=account.venue)
        for named in ({}, {"account": account.pk}):
            answer = post(account.user, PLACE, BUY | {"market_type": "coin_m"} | named)
            assert code(answer) == (404, "NOT_FOUND")
            assert "coin_m market BTCUSDT" in answer.json()["error"]["message"]

    def test_nobody_is_asked_who_they_are(self):
        assert code(post(None, PLACE, BUY)) == (401, "NOT_AUTHENTICATED")

    def test_a_key_that_may_only_read_may_not_place(self, account, client):
        _, key = api_key_create(name="reader", scopes=[Scope.READ], user=account.user)
        answer = client.post(PLACE, BUY, content_type="application/json", headers={"X-API-Key": key})
        assert code(answer) == (403, "PERMISSION_DENIED")


class TestStops:
    def test_a_paused_account_places_nothing(self, account):
        TradingAccount.objects.filter(pk=account.pk).update(state=AccountState.PAUSED)
        assert code(post(account.user, PLACE, BUY)) == (409, "TRADING_HALTED")
        assert not Order.objects.exists()

    def test_a_halt_that_lets_exits_through_lets_them_through(self, account):
        post(account.user, PLACE, BUY)
        halt_create(scope=HaltScope.GLOBAL, mode=HaltMode.REDUCE_ONLY, reason="Maintenance", actor=make_staff())
        assert code(post(account.user, PLACE, BUY)) == (409, "TRADING_HALTED")
        exit_body = {**BUY, "side": "SELL", "reduce_only": True}
        assert data(post(account.user, PLACE, exit_body), 201)["state"] == "FILLED"

    def test_a_live_account_waits_for_the_switch(self):
        account = make_account(mode=Mode.LIVE, live_enabled=False)
        make_market(venue=account.venue)
        assert code(post(account.user, PLACE, BUY)) == (409, "LIVE_TRADING_OFF")
        assert not Order.objects.exists()

    def test_orders_have_a_budget(self, account, settings):
        settings.ORDER_RATE_LIMIT_MAX = 1
        data(post(account.user, PLACE, BUY), 201)
        answer = post(account.user, PLACE, BUY)
        assert code(answer) == (429, "THROTTLED")
        assert answer.headers["Retry-After"]


class TestRepeating:
    def test_the_same_key_and_body_answer_the_first_order(self, account):
        first = data(post(account.user, PLACE, BUY, Idempotency_Key="k-1"), 201)
        again = post(account.user, PLACE, {**BUY, "quantity": "0.010"}, Idempotency_Key="k-1")
        assert data(again)["id"] == first["id"]
        assert again.json()["meta"] == {"repeated": True}
        assert Order.objects.count() == 1

    def test_the_same_key_with_another_body_is_refused(self, account):
        post(account.user, PLACE, BUY, Idempotency_Key="k-1")
        answer = post(account.user, PLACE, {**BUY, "quantity": "0.02"}, Idempotency_Key="k-1")
        assert code(answer) == (409, "IDEMPOTENCY_CONFLICT")

    def test_the_client_order_id_serves_as_a_key(self, account):
        body = {**BUY, "client_order_id": "mine-1"}
        first = data(post(account.user, PLACE, body), 201)
        assert first["client_order_id"] == "mine-1"
        assert data(post(account.user, PLACE, body))["id"] == first["id"]
        assert code(post(account.user, PLACE, {**body, "side": "SELL"})) == (409, "IDEMPOTENCY_CONFLICT")

    def test_what_was_refused_leaves_the_key_free(self, account):
        problems(post(account.user, PLACE, {**BUY, "quantity": "0.00001"}, Idempotency_Key="k-1"))
        data(post(account.user, PLACE, BUY, Idempotency_Key="k-1"), 201)

    def test_twice_at_the_same_time_is_one_order(self, account):
        answers: list[Any] = []

        def place() -> None:
            answers.append(post(account.user, PLACE, BUY, Idempotency_Key="k-1"))
            connection.close()

        threads = [threading.Thread(target=place) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {answer.status_code for answer in answers} <= {200, 201, 202}
        assert len({answer.json()["data"]["id"] for answer in answers}) == Order.objects.count() == 1


class TestVenueMisbehaves:
    @pytest.fixture
    def live(self, venue: Any) -> TradingAccount:
        make_market(venue="fake")
        return make_live_account()

    def test_a_refusal_is_answered_with_the_venues_words(self, live, venue):
        venue.next.append(Rejected("Margin is insufficient.", reason="INSUFFICIENT_MARGIN", code="-2019"))
        answer = post(live.user, PLACE, BUY)
        assert code(answer) == (422, "VENUE_REJECTED")
        error = answer.json()["error"]
        assert "Margin is insufficient." in error["message"]
        assert error["details"]["order_id"] == Order.objects.get(state="REJECTED").pk

    def test_the_same_request_is_refused_again_and_not_sent_again(self, live, venue):
        venue.next.append(Rejected("Margin is insufficient."))
        for _ in range(2):
            assert code(post(live.user, PLACE, BUY, Idempotency_Key="k-1")) == (422, "VENUE_REJECTED")
        assert not venue.placements

    def test_a_venue_that_is_busy_leaves_the_order_to_be_sent_again(self, live, venue):
        venue.next.append(VenueDown("Nobody answers."))
        order = data(post(live.user, PLACE, BUY), 202)
        assert (order["status"], order["error_message"]) == ("PENDING", "Nobody answers.")

    def test_an_answer_that_got_lost_is_asked_for_and_nothing_is_placed_twice(self, live, venue):
        venue.next.append("unheard")
        first = data(post(live.user, PLACE, BUY, Idempotency_Key="k-1"), 201)
        again = data(post(live.user, PLACE, BUY, Idempotency_Key="k-1"))
        assert first["state"] == again["state"] == "FILLED"
        assert sum(venue.placements.values()) == 1

    def test_what_nobody_knows_is_said_not_to_be_known(self, live, venue):
        venue.next.append("lost")
        order = data(post(live.user, PLACE, BUY), 202)
        assert (order["status"], order["state"]) == ("SUBMITTED", "UNKNOWN")

    def test_a_key_that_its_venue_refuses_is_told_and_pauses_the_account(self, live, venue):
        venue.next.append(AuthFailed("Invalid API-key."))
        assert code(post(live.user, PLACE, BUY)) == (409, "VENUE_AUTH_FAILED")
        assert code(post(live.user, PLACE, BUY)) == (409, "VENUE_AUTH_FAILED")
        assert Order.objects.count() == 1


def test_a_copy_ends_and_its_leader_trades_on():
    leader, account = make_master()
    copy = follow(leader)
    Copy.objects.filter(pk=copy.pk).update(state="ended")
    assert data(post(account.user, PLACE, BUY), 201)["state"] == "FILLED"
    fan_out()
    assert held(copy) == 0


def test_an_empty_account_is_refused_by_the_books():
    user = make_user()
    account_create(user=user, name="Poor", venue="binanceusdm", actor=user, paper_balance=Decimal(1))
    make_market(venue="binanceusdm")
    assert code(post(user, PLACE, BUY)) == (422, "VENUE_REJECTED")

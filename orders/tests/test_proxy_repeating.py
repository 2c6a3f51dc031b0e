"""The same request again: one order, whoever asks how often, and whatever became of the first answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from orders.models import Order
from orders.tests.proxy_kit import KEY, SPOT_LIMIT, USDM_LIMIT, Caller, live_account
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]


def at_once(count: int, job: Any) -> list[Any]:
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return job(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_the_same_key_and_body_answer_the_first_order_again(ada, binance):
    first = ada.post("spot/order", SPOT_LIMIT, key="run-1")
    again = ada.post("spot/order", SPOT_LIMIT, key="run-1")

    assert (first.status, again.status) == (201, 200)
    assert again.data == first.data
    assert again.body["meta"] == {"repeated": True, "message": None}
    assert len(binance.placements()) == 1


def test_without_a_key_the_client_order_id_is_one(ada, binance):
    body = {**SPOT_LIMIT, "newClientOrderId": "run-1"}

    answers = [ada.post("spot/order", body), ada.post("spot/order", body)]

    assert [answer.status for answer in answers] == [201, 200]
    assert len(binance.placements()) == 1


def test_another_spelling_of_the_same_order_is_the_same_order(ada):
    first = ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "a", "recvWindow": 5000})
    body = {"client_order_id": "a", "time_in_force": "GTC", "order_type": "LIMIT", "quantity": 0.001, "price": 50000}

    again = ada.post("order", {"symbol": "BTCUSDT", "side": "BUY", **body})

    assert (again.status, again.data["id"]) == (200, first.data["id"])


@pytest.mark.parametrize("change", [{"quantity": "0.002"}, {"side": "SELL"}, {"price": "50000.01"}])
def test_the_same_key_with_another_body_is_a_conflict(ada, binance, change):
    ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "a"})

    answer = ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "a", **change})

    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert len(binance.placements()) == 1


def test_a_key_of_spot_is_no_key_of_futures(ada):
    ada.post("spot/order", USDM_LIMIT, key="k")

    assert ada.post("futures/order", USDM_LIMIT, key="k").error["code"] == "IDEMPOTENCY_CONFLICT"


def test_a_client_order_id_that_another_request_used_is_a_conflict(ada, binance):
    ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "a"}, key="first")

    answer = ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "a"}, key="second")

    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert answer.error["details"] == {"client_order_id": "a"}
    assert len(binance.placements()) == 1


def test_one_client_order_id_may_stand_in_each_market_and_account(ada):
    body = {"newClientOrderId": "a"}
    second = live_account(ada.user, "binanceusdm")
    first = next(account for account in ada.user.trading_accounts.filter(venue="binanceusdm") if account != second)

    answers = [
        ada.post("spot/order", {**SPOT_LIMIT, **body}),
        ada.post("futures/order", {**USDM_LIMIT, **body, "account": first.pk}),
        ada.post("futures/order", {**USDM_LIMIT, "quantity": "0.003", **body, "account": second.pk}),
    ]

    assert [answer.body["success"] for answer in answers[:2]] == [True, True]
    # Both accounts have the same key at the simulator, so there the second is a duplicate; here it was its own order.
    assert answers[2].status != 409


def test_keys_of_two_people_have_nothing_to_do_with_each_other(ada, binance):
    bob = make_user()
    live_account(bob)

    first, second = ada.post("spot/order", SPOT_LIMIT, key="k"), Caller(bob).post("spot/order", SPOT_LIMIT, key="k")

    assert (first.status, second.status) == (201, 201)
    assert first.data["id"] != second.data["id"]


@pytest.mark.parametrize("key", ["two words", "x" * 65, "é"])
def test_a_malformed_key_is_refused(ada, key):
    assert ada.post("spot/order", SPOT_LIMIT, key=key).status == 400


def test_a_refused_request_does_not_use_up_its_key(ada):
    wrong = ada.post("spot/order", {**SPOT_LIMIT, "price": "50000.001"}, key="k")
    right = ada.post("spot/order", SPOT_LIMIT, key="k")

    assert (wrong.status, right.status) == (400, 201)


def test_binances_refusal_is_the_result_and_is_answered_again(ada, binance):
    binance.change_account(KEY, balances={"spot": {"USDT": "1"}})
    first = ada.post("spot/order", SPOT_LIMIT, key="k")
    binance.change_account(KEY, balances={"spot": {"USDT": "1000"}})

    again = ada.post("spot/order", SPOT_LIMIT, key="k")

    assert (first.status, again.status) == (422, 422)
    assert first.error == again.error
    assert Order.objects.count() == 1


def test_a_repeated_request_is_answered_although_the_account_could_not_place_it_now(ada, settings):
    first = ada.post("spot/order", SPOT_LIMIT, key="k")
    live_account(ada.user)
    settings.LIVE_TRADING = False

    again = ada.post("spot/order", SPOT_LIMIT, key="k")

    assert (again.status, again.data["id"]) == (200, first.data["id"])


def test_an_order_whose_sender_died_is_sent_by_the_repeated_request(ada, binance, monkeypatch):
    def dies(ids: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr("orders.services.proxy.orders_place", dies)
        with pytest.raises(MemoryError):
            ada.post("spot/order", SPOT_LIMIT, key="k")
    assert (Order.objects.get().state, binance.placements()) == ("PENDING", [])

    again = ada.post("spot/order", SPOT_LIMIT, key="k")

    assert (again.status, again.data["state"]) == (200, "NEW")
    assert len(binance.placements()) == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_request_many_times_at_once_is_one_order(ada, binance):
    answers = at_once(8, lambda number: ada.post("spot/order", SPOT_LIMIT, key="k"))

    assert {answer.status for answer in answers} <= {200, 201, 202}
    assert len({answer.data["id"] for answer in answers}) == 1
    assert sum(not answer.body["meta"]["repeated"] for answer in answers) == 1
    assert len(binance.placements()) == 1
    assert Order.objects.get().state == "NEW"


@pytest.mark.django_db(transaction=True)
def test_different_requests_at_once_are_as_many_orders(ada, binance):
    answers = at_once(8, lambda number: ada.post("futures/order", {**USDM_LIMIT, "newClientOrderId": f"n-{number}"}))

    assert [answer.status for answer in answers] == [201] * 8
    assert sorted(placed["client_id"] for placed in binance.placements()) == [f"n-{number}" for number in range(8)]


def test_spelling_and_what_has_no_effect_do_not_make_another_order(ada, binance):
    body = {**SPOT_LIMIT, "newClientOrderId": "s-1"}
    first = ada.post("spot/order", body)

    again = ada.post("spot/order", {**body, "symbol": "btcusdt", "newOrderRespType": "FULL"})

    assert (again.status, again.data["id"]) == (200, first.data["id"])
    assert len(binance.placements()) == 1

"""The calls of an earlier platform's shell script, over real HTTP: a master, ten followers, one order."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from orders.models import Order
from replication.engine.running import fan_out
from replication.models import CopyIntent

pytestmark = [pytest.mark.django_db(transaction=True, reset_sequences=True)]
FOLLOWERS = 10
PASSWORD = "Password123!"


class Caller:
    """Calls the product as the script's curl does: one connection for each request, and nothing kept but tokens."""

    def __init__(self, url: str) -> None:
        self.url = url

    def register(self, name: str, role: str, **more: str) -> Any:
        body = {"email": f"{name}@test.com", "username": name, "password": PASSWORD, "role": role, **more}
        return self.send("/api/users/register", body)["data"]

    def login(self, name: str) -> str:
        form = urlencode({"username": name, "password": PASSWORD}).encode()
        answer = self._call("/api/users/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        return str(answer["access_token"])

    def send(self, path: str, body: Any, token: str = "") -> Any:
        return self._call(path, json.dumps(body).encode(), {"Content-Type": "application/json"}, token)

    def read(self, path: str, token: str) -> Any:
        return self._call(path, None, {}, token)["data"]

    def _call(self, path: str, body: bytes | None, headers: dict[str, str], token: str = "") -> Any:
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        request = Request(f"{self.url}{path}", data=body, headers=headers | bearer)
        try:
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except HTTPError as error:
            pytest.fail(f"{path}: {error.code} {error.read().decode()}")


@pytest.fixture
def caller(live_server: Any) -> Caller:
    """The product on a fresh installation."""
    return Caller(live_server.url)


def test_the_order_of_a_master_is_replicated_to_ten_followers(caller: Caller) -> None:
    caller.register("test_master", "MASTER")
    master = caller.login("test_master")
    for number in range(1, FOLLOWERS + 1):
        caller.register(f"follower{number}", "FOLLOWER")
        follower = caller.login(f"follower{number}")
        caller.send("/api/masters/follow", {"master_id": 1, "copy_strategy": "FIXED_RATIO", "ratio": 1.0}, follower)

    wish = {"symbol": "RELIANCE", "side": "BUY", "order_type": "MARKET", "quantity": 100}
    order = caller.send("/api/orders/place", wish, master)["data"]
    fan_out()
    figures = caller.read("/api/orders/stats/summary", master)

    assert (order["status"], order["is_master_order"]) == ("EXECUTED", True)
    assert (figures["total_orders"], figures["followers"]) == (1, FOLLOWERS)
    replicated = figures["successful_replications"], figures["replicated_orders"]
    assert replicated == (FOLLOWERS, FOLLOWERS), list(CopyIntent.objects.values_list("state", "code", "message"))
    assert figures["master"]["replication"]["success_rate"] == "100"
    assert figures["average_latency_ms"] > 0
    copies = Order.objects.filter(origin="copy")
    assert {int(quantity or 0) for quantity in copies.values_list("filled_quantity", flat=True)} == {100}


def test_the_tour_of_the_api_works_as_it_is_shown(caller: Caller) -> None:
    person = caller.register("master_trader", "MASTER", full_name="Master Trader", iifl_account_id="MASTER001")
    caller.register("follower1", "FOLLOWER", full_name="Follower One", iifl_account_id="FOLLOW001")
    master, follower = caller.login("master_trader"), caller.login("follower1")
    wish = {"master_id": person["master_id"], "copy_strategy": "FIXED_RATIO", "ratio": 1.0}
    caller.send("/api/masters/follow", wish, follower)
    body = {"symbol": "RELIANCE", "side": "BUY", "order_type": "MARKET", "quantity": 10, "price": 2450.50}
    placed = caller.send("/api/orders/place", body, master)["data"]
    fan_out()

    assert [order["id"] for order in caller.read("/api/orders/my-orders", master)] == [placed["id"]]
    [copied] = caller.read("/api/orders/my-orders", follower)
    assert (copied["master_order_id"], copied["quantity"], copied["status"]) == (placed["id"], "10", "EXECUTED")
    assert caller.read("/api/masters/following", follower)[0]["master"] == "Master Trader"
    assert caller.read("/api/orders/stats/summary", follower)["following"]["totals"]["copied"] == 1

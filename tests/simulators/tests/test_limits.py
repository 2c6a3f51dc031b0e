"""Weights and order counts, and what happens above them."""

from tests.simulators.tests.client import API, FAPI, Client

USED = "X-MBX-USED-WEIGHT-1M"


def test_every_answer_tells_the_weight_so_far(client: Client) -> None:
    first = int(client.raw("GET", f"{API}ping").headers[USED])
    assert int(client.signed("GET", f"{API}account").headers[USED]) == first + 20
    assert int(client.signed("GET", f"{API}openOrders").headers[USED]) == first + 100
    assert int(client.raw("GET", f"{FAPI}ping").headers[USED]) == 1
    assert int(client.raw("GET", "/dapi/v1/ping").headers[USED]) == 2  # both futures markets share a pool


def test_orders_are_counted_by_account(client: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    client.signed("POST", f"{FAPI}order", **order)
    headers = client.signed("POST", f"{FAPI}order", **order).headers
    assert (headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"]) == ("2", "2")
    headers = client.signed("POST", f"{API}order", **order).headers
    assert (headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
    assert [row["count"] for row in client.ok("GET", f"{API}rateLimit/order")] == [1, 1]


def test_who_goes_on_above_the_limit_is_banned(client: Client) -> None:
    client.exchange.limits(enforce=True, spot=10, ban_seconds=100)
    replies = [client.raw("GET", f"{API}ping") for _ in range(18)]
    assert [reply.status for reply in replies] == [200] * 10 + [429] * 5 + [418] * 3
    assert all(int(reply.headers["Retry-After"]) >= 1 for reply in replies[10:])
    assert replies[10].body["msg"].startswith("Too much request weight used; current limit is 10 request weight")
    assert client.exchange.counts()["banned_calls"] == 2
    assert client.raw("GET", f"{FAPI}ping").status == 200


def test_too_many_orders_are_refused(client: Client) -> None:
    client.exchange.limits(enforce=True, orders={"futures": {"1M": 2}})
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    replies = [client.signed("POST", f"{FAPI}order", **order) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].code == -1015
    client.exchange.limits(enforce=False)
    assert client.signed("POST", f"{FAPI}order", **order).status == 200

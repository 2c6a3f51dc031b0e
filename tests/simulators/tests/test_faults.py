"""Whatever may go wrong between a client and the venue."""

import time

import pytest
import requests

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import API, FAPI, Client, Reply

ORDER = f"{FAPI}order"


def _place(client: Client, client_id: str = "mine") -> Reply:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": client_id}
    return client.signed("POST", ORDER, **order)


def _placed(client: Client) -> dict[str, int]:
    counts: dict[str, int] = client.exchange.counts()["client_ids"]
    return counts


@pytest.mark.parametrize(("kind", "placed"), [("drop_before", {}), ("drop_after", {"mine": 1})])
def test_the_connection_breaks_before_or_after_the_order(client: Client, kind: str, placed: dict[str, int]) -> None:
    client.exchange.fault(kind, method="POST", path=ORDER)
    with pytest.raises(requests.ConnectionError):
        _place(client)
    assert _placed(client) == placed
    assert _place(client, "next").status == 200


@pytest.mark.parametrize(
    ("kind", "status", "code", "text", "placed"),
    [
        ("unknown_503", 503, -1000, "Unknown error, please check your request or try again later.", True),
        ("unavailable_503", 503, -1000, "Service Unavailable.", False),
        ("throttled_503", 503, -1008, "Request throttled by system-level protection.", False),
        ("timeout_408", 408, -1007, "Timeout waiting for response from backend server.", True),
        ("error", 500, -1000, "An unknown error occurred", False),
    ],
)
def test_an_answer_may_hide_what_happened(
    client: Client, kind: str, status: int, code: int, text: str, *, placed: bool
) -> None:
    client.exchange.fault(kind, method="POST", path=ORDER)
    reply = _place(client)
    assert (reply.status, reply.code) == (status, code)
    assert reply.body["msg"].startswith(text)
    assert _placed(client) == ({"mine": 1} if placed else {})


@pytest.mark.parametrize("kind", ["unknown_503", "timeout_408", "garbage"])
def test_an_unknown_outcome_may_be_that_nothing_happened(client: Client, kind: str) -> None:
    client.exchange.fault(kind, method="POST", process=False)
    if kind == "garbage":
        with pytest.raises(requests.JSONDecodeError):
            _place(client)
    else:
        assert _place(client).status in {408, 503}
    assert _placed(client) == {}


@pytest.mark.parametrize("kind", ["garbage", "forbidden_403"])
def test_a_body_may_be_no_json(client: Client, kind: str) -> None:
    client.exchange.fault(kind)
    answer = requests.get(f"{client.exchange.url}{API}ping", timeout=10)
    assert answer.status_code == (403 if kind == "forbidden_403" else 200)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_an_error_may_be_anything(client: Client) -> None:
    client.exchange.fault("error", status=400, code=-2027, message="Exceeded the maximum.", path=ORDER)
    reply = _place(client)
    assert (reply.status, reply.body) == (400, {"code": -2027, "msg": "Exceeded the maximum."})


def test_a_fault_hits_only_what_it_is_for_and_only_so_often(exchange: BinanceSimulator) -> None:
    with Client(exchange, exchange.account()) as one, Client(exchange, exchange.account()) as other:
        number = exchange.fault("unavailable_503", method="POST", path=ORDER, key=one.key, count=2)
        assert _place(other).status == 200
        assert one.signed("GET", "/fapi/v3/account").status == 200
        assert [_place(one).status for _ in range(3)] == [503, 503, 200]
        [rule] = exchange.faults()
        assert (rule["id"], rule["hits"], rule["count"]) == (number, 2, 0)
        exchange.fault("unavailable_503", count=None)
        exchange.clear_faults()
        assert _place(one).status == 200


def test_chance_is_the_same_in_every_run(client: Client) -> None:
    def statuses() -> list[int]:
        client.exchange.seed(7)
        return [client.raw("GET", f"{API}ping").status for _ in range(30)]

    client.exchange.fault("unavailable_503", count=None, probability=0.5)
    first = statuses()
    assert first == statuses()
    assert 5 < first.count(503) < 25


def test_answers_may_be_slow(client: Client) -> None:
    client.exchange.fault("lag", path=ORDER, low=120, high=120)
    client.exchange.fault("lag_after", path=ORDER, low=120, high=120)
    started = time.monotonic()
    assert _place(client).status == 200
    assert time.monotonic() - started >= 0.24
    client.exchange.latency(100, 101)
    started = time.monotonic()
    client.public(f"{API}ping")
    assert time.monotonic() - started >= 0.1


def test_one_may_be_asked_to_wait(client: Client) -> None:
    client.exchange.fault("rate_limit", path=ORDER, seconds=7)
    reply = _place(client)
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (429, -1003, "7")
    client.exchange.fault("rate_limit", path=ORDER, retry_after=False)
    assert "Retry-After" not in _place(client).headers
    assert _placed(client) == {}


def test_a_ban_meets_everybody_and_every_call_in_it_is_counted(client: Client) -> None:
    client.exchange.fault("ban", path=ORDER, seconds=90)
    for reply in (_place(client), client.raw("GET", f"{FAPI}ping"), client.raw("GET", "/dapi/v1/ping")):
        assert (reply.status, reply.code) == (418, -1003)
        assert 80 <= int(reply.headers["Retry-After"]) <= 90
        assert "IP banned until" in reply.body["msg"]
    assert client.raw("GET", f"{API}ping").status == 200
    assert client.exchange.counts()["banned_calls"] == 3
    client.exchange.ban(0)
    assert _place(client).status == 200

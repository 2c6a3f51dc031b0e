"""Keys, signatures and time windows."""

import time

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.exchange.signing import sign
from tests.simulators.tests.client import API, Client, signature

SPOT_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SPOT_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FUTURES_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
SPOT_PAYLOAD = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
SPOT_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
FUTURES_PAYLOAD = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
VECTORS = [
    (SPOT_SECRET, SPOT_PAYLOAD, SPOT_SIGNATURE),
    (
        SPOT_SECRET,
        SPOT_PAYLOAD.replace("LTCBTC", "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"),
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    (FUTURES_SECRET, FUTURES_PAYLOAD, "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
    # Printed in the documentation of COIN-M beside the payload of an order, but it is the signature of an empty text.
    (FUTURES_SECRET, "", "21fd819734bf0e5c68740eed892909414d693635c5f7fffab1313925ae13556a"),
]


def _now() -> int:
    return int(time.time() * 1000)


@pytest.mark.parametrize(("secret", "payload", "expected"), VECTORS)
def test_the_official_vectors_are_reproduced(secret: str, payload: str, expected: str) -> None:
    assert sign(secret, payload) == expected


def test_the_official_request_is_accepted_at_its_time(exchange: BinanceSimulator) -> None:
    account = exchange.account(key=SPOT_KEY, secret=SPOT_SECRET)
    exchange.clock(now=1499827319559)
    with Client(exchange, account) as client:
        reply = client.keyed("POST", f"{API}order?{SPOT_PAYLOAD}&signature={SPOT_SIGNATURE}")
    assert (reply.status, reply.code) == (400, -1121)  # signed well; only the symbol is not listed here


def test_query_and_body_are_glued_with_nothing_between_them(client: Client) -> None:
    query, body = "symbol=BTCUSDT&side=BUY&type=MARKET", f"quantity=0.01&timestamp={_now()}"
    right = signature(client.account.secret, query + body)
    wrong = signature(client.account.secret, f"{query}&{body}")
    headers = {"X-MBX-APIKEY": client.key}
    assert client.raw("POST", f"{API}order?{query}", f"{body}&signature={wrong}", **headers).code == -1022
    assert client.raw("POST", f"{API}order?{query}", f"{body}&signature={right}", **headers).status == 200


def test_the_case_of_the_signature_does_not_matter(client: Client) -> None:
    query = f"timestamp={_now()}"
    reply = client.keyed("GET", f"{API}account?{query}&signature={signature(client.account.secret, query).upper()}")
    assert reply.status == 200


def test_a_changed_parameter_breaks_the_signature(client: Client) -> None:
    query = f"recvWindow=5000&timestamp={_now()}"
    good = signature(client.account.secret, query)
    reply = client.keyed("GET", f"{API}account?{query.replace('5000', '6000')}&signature={good}")
    assert (reply.status, reply.body) == (400, {"code": -1022, "msg": "Signature for this request is not valid."})


@pytest.mark.parametrize(
    ("key", "code"), [("", -2014), ("short", -2014), ("a" * 64, -2015)], ids=["none", "malformed", "unknown"]
)
def test_a_bad_key_is_refused(client: Client, key: str, code: int) -> None:
    reply = client.raw("GET", f"{API}account?timestamp=1&signature=00", **{"X-MBX-APIKEY": key})
    assert (reply.status, reply.code) == (401, code)


@pytest.mark.parametrize(
    ("shift", "window", "accepted"),
    [(-4000, None, True), (-7000, None, False), (-7000, 10_000, True), (500, None, True), (3000, 10_000, False)],
)
def test_a_request_is_valid_only_within_its_window(
    client: Client, shift: int, window: int | None, *, accepted: bool
) -> None:
    reply = client.signed("GET", f"{API}account", recvWindow=window, timestamp=_now() + shift)
    assert reply.status == (200 if accepted else 400)
    assert accepted or reply.code == -1021


def test_a_clock_that_is_wrong_refuses_everybody(client: Client) -> None:
    client.exchange.clock(offset=60_000)
    assert client.signed("GET", f"{API}account").code == -1021
    there = client.public(f"{API}time")["serverTime"]
    assert client.signed("GET", f"{API}account", timestamp=there).status == 200


@pytest.mark.parametrize("name", ["timestamp", "signature"])
def test_a_signed_request_needs_time_and_signature(client: Client, name: str) -> None:
    query = f"timestamp={_now()}" if name == "signature" else f"signature={'0' * 64}"
    reply = client.keyed("GET", f"{API}account?{query}")
    assert reply.body == {
        "code": -1102,
        "msg": f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    }


def test_the_spot_market_takes_microseconds(client: Client) -> None:
    assert client.signed("GET", f"{API}account", timestamp=_now() * 1000).status == 200


def test_a_parameter_may_not_be_sent_twice(client: Client) -> None:
    assert client.keyed("GET", f"{API}account?timestamp=1&timestamp=2").code == -1101

"""What is sent is signed as Binance's own documents show."""

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from markets.tests.venues.exchange import House
from markets.venues.base import AccountAccess, Credentials
from markets.venues.errors import AuthFailed
from tests.contract.bench import run

SPOT_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FUTURES_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
# Official vectors of the three APIs: secret, what is signed, signature.
LTC = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
BTC = "side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
NOT_ASCII = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
VECTORS = [
    (SPOT_SECRET, f"symbol=LTCBTC&{LTC}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (SPOT_SECRET, f"symbol={NOT_ASCII}&{LTC}", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    (FUTURES_SECRET, f"symbol=BTCUSDT&{BTC}", "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
    # What the COIN-M page prints as the signature of an order is that of an empty text.
    (FUTURES_SECRET, "", "21fd819734bf0e5c68740eed892909414d693635c5f7fffab1313925ae13556a"),
]


class Caught:
    """A transport that keeps what it is given to send."""

    body = ""
    url = ""

    async def send(self, method: str, url: str, *, headers: Any = None, body: bytes | None = None) -> Any:
        self.url, self.body = url, (body or b"").decode()
        raise ConnectionError


def sent(house: House, secret: str, params: dict[str, str], method: str = "POST") -> str:
    """Return what is sent for these parameters: a body, or a query."""
    caught = Caught()
    client = house.adapter.gateway.client
    client._template.transport = caught
    try:
        api = next(name for name in house.adapter.gateway.house.rest if name.lower().endswith("private"))
        with pytest.raises(ConnectionError):
            run(client.send(Credentials("key", secret), api, method, "order", params))
    finally:
        client._template.transport = house.adapter.gateway.transport
    return caught.body or caught.url.partition("?")[2]


@pytest.mark.parametrize(("secret", "payload", "signature"), VECTORS)
def test_the_official_vectors(spot: House, secret: str, payload: str, signature: str) -> None:
    assert spot.adapter.gateway.client._signature(secret, payload) == signature


@pytest.mark.parametrize(("secret", "payload", "signature"), VECTORS[:3])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_parameters_of_the_vectors_are_signed_as_they_are_sent(
    usd_m: House, secret: str, payload: str, signature: str, method: str
) -> None:
    params = {name: value for name, value in parse_qsl(payload) if name not in {"timestamp", "recvWindow"}}
    params["newClientOrderId"] = "mine"
    text = sent(usd_m, secret, params, method)
    signed, _, given = text.rpartition("&signature=")

    assert hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest() == given
    told = dict(parse_qsl(signed))
    assert {name: told[name] for name in params} == params
    assert told["recvWindow"] == "5000"
    assert {"timestamp", "recvWindow"} | params.keys() == told.keys()


def test_what_is_not_ascii_is_encoded_before_it_is_signed(spot: House) -> None:
    text = sent(spot, SPOT_SECRET, {"symbol": unquote("%EF%BC%91%EF%BC%92%EF%BC%93"), "newClientOrderId": "mine"})

    assert "symbol=%EF%BC%91%EF%BC%92%EF%BC%93" in text


def test_signing_leaves_the_parameters_as_they_are(spot: House) -> None:
    params = {"symbol": "LTCBTC", "newClientOrderId": "mine"}
    first, second = (sent(spot, SPOT_SECRET, params) for _ in range(2))

    assert params == {"symbol": "LTCBTC", "newClientOrderId": "mine"}
    assert [text.count("signature=") for text in (first, second)] == [1, 1]


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        Credentials("", ""),
        Credentials("k" * 64, "another secret"),
        Credentials("k" * 64, "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----"),
        Credentials("two\nlines", "a secret thing"),
    ],
)
def test_a_key_that_is_no_good_is_refused_and_not_shown(spot: House, credentials: Credentials | None) -> None:
    with pytest.raises(AuthFailed) as failed:
        run(spot.adapter.account(AccountAccess("2", credentials)))

    assert failed.value.__cause__ is None
    if credentials and credentials.secret:
        assert credentials.secret not in str(failed.value)

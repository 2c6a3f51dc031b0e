"""What is sent is signed as Binance's own documents show."""

import base64
import hashlib
import hmac
from typing import Any, cast
from urllib.parse import parse_qsl, quote, unquote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from markets.tests.venues.exchange import House
from markets.venues.base import AccountAccess, Credentials
from markets.venues.binance.client import encoded
from markets.venues.binance.client import signature as sign
from markets.venues.errors import AuthFailed
from markets.venues.http import Transport
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
    client.transport = cast("Transport", caught)
    try:
        api = next(name for name in house.adapter.gateway.house.rest if name.lower().endswith("private"))
        with pytest.raises(ConnectionError):
            run(client.send(Credentials("key", secret), api, method, "order", params))
    finally:
        client.transport = house.adapter.gateway.transport
    return caught.body or caught.url.partition("?")[2]


@pytest.mark.parametrize(("secret", "payload", "signature"), VECTORS)
def test_the_official_vectors(secret: str, payload: str, signature: str) -> None:
    assert sign(secret, payload) == signature


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


def pem(key: Any, encryption: KeySerializationEncryption | None = None) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return text.decode()


def test_an_ed25519_key_signs_what_is_sent(usd_m: House) -> None:
    key = Ed25519PrivateKey.generate()
    signed, _, given_ = sent(usd_m, pem(key), {"symbol": "BTCUSDT"}).rpartition("&signature=")

    key.public_key().verify(base64.b64decode(unquote(given_)), signed.encode())
    assert not {"+", "/", "="} & set(given_)


def test_an_rsa_key_signs_what_is_sent(spot: House) -> None:
    key = generate_private_key(65537, 2048)
    signed, _, given_ = sent(spot, pem(key), {"symbol": "BTCUSDT"}).rpartition("&signature=")

    key.public_key().verify(base64.b64decode(unquote(given_)), signed.encode(), PKCS1v15(), SHA256())


def test_a_key_of_another_kind_or_under_a_password_cannot_sign() -> None:
    secrets = [pem(dsa.generate_private_key(1024)), pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"word"))]
    for secret in secrets:
        with pytest.raises(ValueError):
            sign(secret, "symbol=BTCUSDT")


alphabet = st.characters(exclude_categories=["Cs"])


@given(st.dictionaries(st.text(alphabet, min_size=1), st.text(alphabet) | st.integers(), max_size=4))
def test_parameters_are_escaped_where_they_must_be(params: dict[str, str | int]) -> None:
    texts = {name: str(value) for name, value in params.items()}

    assert encoded(params) == urlencode(texts, quote_via=quote, safe="~")
    assert dict(parse_qsl(encoded(params), keep_blank_values=True)) == texts

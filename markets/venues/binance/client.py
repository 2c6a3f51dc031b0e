"""How requests to Binance are written and signed; the transport carries them.

What is signed is the text that is sent. HMAC keys are what nearly everybody has; Ed25519 and RSA keys are PEM texts.
Source: the request security pages of the three APIs.
"""

import base64
import hmac
import time
from collections.abc import Coroutine, Mapping
from functools import cache
from string import ascii_letters, digits
from typing import Any
from urllib.parse import quote, urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from markets.venues.base import Credentials
from markets.venues.binance.houses import House
from markets.venues.http import Answer, Transport

PRIVATE_KEY = "PRIVATE KEY"
FORM = "application/x-www-form-urlencoded"
IN_THE_ADDRESS = frozenset({"GET", "DELETE"})
# Calls that take the key without a signature.
KEY_ONLY = frozenset({"listenKey"})
# Nothing of this needs an escape; asking costs a tenth of escaping.
PLAIN = (ascii_letters + digits + "_.~-").encode()


class Client:
    """Writes the requests to one house. `transport` sends them."""

    def __init__(self, house: House, transport: Transport) -> None:
        self.transport = transport
        self.addresses = dict(house.rest)
        self._lifetime = str(int(house.capabilities.request_lifetime.total_seconds() * 1000))
        self._difference = 0

    def set_time_difference(self, milliseconds: int) -> None:
        """Say by how much this machine's clock is ahead of the venue's."""
        self._difference = milliseconds

    def now_ms(self) -> int:
        """Return the venue's time, as far as it is known here."""
        return int(time.time() * 1000) - self._difference

    def send(
        self, credentials: Credentials | None, api: str, method: str, path: str, params: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Answer]:
        """Sign a request, and return what sends it; raises `ValueError` for a key that cannot sign.

        `params` stay as they are, so they may be signed again.
        """
        url = f"{self.addresses[api]}/{path}"
        if credentials is None:
            return self.transport.send(method, _with_query(url, encoded(params)))
        headers = {"X-MBX-APIKEY": credentials.key}
        text = encoded(params) if path in KEY_ONLY else self._signed(credentials.secret, params)
        if method in IN_THE_ADDRESS:
            return self.transport.send(method, _with_query(url, text), headers=headers)
        headers["Content-Type"] = FORM
        return self.transport.send(method, url, headers=headers, body=text.encode())

    def sign_websocket(self, credentials: Credentials, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a call of the WebSocket API with key, time and signature.

        What is signed there are the parameters in the order of their names.
        """
        given = {**params, "apiKey": credentials.key, "timestamp": self.now_ms()}
        return {**given, "signature": signature(credentials.secret, urlencode(sorted(given.items())))}

    def _signed(self, secret: str, params: Mapping[str, Any]) -> str:
        stamp = f"recvWindow={self._lifetime}&timestamp={self.now_ms()}"
        text = f"{encoded(params)}&{stamp}" if params else stamp
        signed = signature(secret, text)
        return f"{text}&signature={quote(signed, safe='') if PRIVATE_KEY in secret else signed}"


def encoded(params: Mapping[str, Any]) -> str:
    """Return the parameters as a query, with escapes where they are needed."""
    text = "&".join([f"{name}={value!s}" for name, value in params.items()])
    if text.encode().translate(None, PLAIN) == _marks(len(params)):
        return text
    return urlencode({name: str(value) for name, value in params.items()}, quote_via=quote, safe="~")


@cache
def _marks(count: int) -> bytes:
    """Return what stands between the names and values of so many parameters."""
    return b"&".join([b"="] * count)


def signature(secret: str, payload: str) -> str:
    """Return the signature: hexadecimal for HMAC keys, Base64 for Ed25519 and RSA; `ValueError` for a bad key."""
    if PRIVATE_KEY not in secret:
        return hmac.new(secret.encode(), payload.encode(), "sha256").hexdigest()
    try:
        key = load_pem_private_key(secret.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("The key is encrypted, or of a kind that is not known here.") from None
    match key:
        case Ed25519PrivateKey():
            return base64.b64encode(key.sign(payload.encode())).decode()
        case RSAPrivateKey():
            return base64.b64encode(key.sign(payload.encode(), PKCS1v15(), SHA256())).decode()
        case _:
            raise ValueError("The key is neither an Ed25519 nor an RSA key.")


def _with_query(url: str, query: str) -> str:
    return f"{url}?{query}" if query else url

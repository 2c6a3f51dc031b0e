"""ccxt, as it is used here: it signs requests, we send them and read the answers.

Importing ccxt takes a second and a hundred megabytes, so it is imported with the first use.
"""

import copy
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode

from markets.venues.base import Credentials
from markets.venues.binance.houses import House
from markets.venues.http import Answer, Transport

PRIVATE_KEY = "PRIVATE KEY"
LONGEST_ED25519_KEY = 120


@cache
def _class_of(name: str) -> type[Any]:
    """Return ccxt's class of this name with our own way of sending."""
    import ccxt.async_support

    base: type[Any] = getattr(ccxt.async_support, name)

    class Signer(base):  # type: ignore[misc]
        """ccxt's path ends in `fetch`, where it would log the request with its key and guess at the outcome."""

        transport: Transport

        async def fetch(
            self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
        ) -> Answer:
            """Send a signed request; return the answer as it is."""
            encoded = None if body is None else body.encode()
            return await self.transport.send(method, url, headers=headers, body=encoded)

        def __del__(self) -> None:
            """Say nothing: copies own no connections."""

    return Signer


class Client:
    """One template for a house; each request gets a copy of it with the keys of its account."""

    def __init__(self, house: House, transport: Transport) -> None:
        self._house = house
        signer = _class_of(house.ccxt_class)
        lifetime = house.capabilities.request_lifetime
        self._template = signer(
            {
                "enableRateLimit": False,
                "session": None,
                "options": {"recvWindow": int(lifetime.total_seconds() * 1000), "timeDifference": 0},
            }
        )
        self._template.transport = transport
        self._template.urls["api"] = dict(house.rest)

    def set_time_difference(self, milliseconds: int) -> None:
        """Say by how much this machine's clock is ahead of the venue's."""
        self._template.options["timeDifference"] = milliseconds

    def now_ms(self) -> int:
        """Return the venue's time, as far as it is known here."""
        return int(self._template.nonce())

    async def send(
        self, credentials: Credentials | None, api: str, method: str, path: str, params: Mapping[str, Any]
    ) -> Answer:
        """Sign and send a request. `params` stay as they are, so they may be signed again."""
        return cast("Answer", await self._signer(credentials).request(path, [api], method, dict(params)))

    def sign_websocket(self, credentials: Credentials, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a call of the WebSocket API with key, time and signature.

        What is signed there are the parameters in the order of their names.
        """
        signed = {**params, "apiKey": credentials.key, "timestamp": self.now_ms()}
        payload = urlencode(sorted(signed.items()))
        return {**signed, "signature": self._signature(credentials.secret, payload)}

    def _signature(self, secret: str, payload: str) -> str:
        signer = self._template
        if PRIVATE_KEY not in secret:
            return str(signer.hmac(payload.encode(), secret.encode(), hashlib.sha256))
        if len(secret) > LONGEST_ED25519_KEY:
            return str(signer.rsa(payload, secret, "sha256"))
        return str(signer.eddsa(payload.encode(), secret, "ed25519"))

    def _signer(self, credentials: Credentials | None) -> Any:
        if credentials is None:
            return self._template
        signer = copy.copy(self._template)
        signer.apiKey, signer.secret = credentials.key, credentials.secret
        return signer

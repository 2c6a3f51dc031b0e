"""The WebSocket API of the spot market, as far as user data needs it."""

import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from tests.simulators.exchange import signing
from tests.simulators.exchange.hub import Place, Subscription
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.params import Params
from tests.simulators.exchange.refusals import Refusal, missing
from tests.simulators.exchange.venue import Venue

RETIRED = frozenset({"userDataStream.start", "userDataStream.ping", "userDataStream.stop"})


class Session:
    """One socket of the WebSocket API."""

    def __init__(self, venue: Venue, send: Callable[[bytes], None]) -> None:
        self._venue = venue
        self._hub = venue.hub
        self._send = send
        self._numbers = itertools.count()
        self._subscriptions: dict[int, tuple[Place, Subscription]] = {}
        self._methods: dict[str, Callable[[Params], Any]] = {
            "ping": lambda params: {},
            "time": lambda params: {"serverTime": venue.clock.ms()},
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
            "session.subscriptions": self._list,
        }

    def request(self, text: str) -> None:
        """Answer one request; events of a subscription come only after its answer."""
        identifier: Any = None
        try:
            message = msgspec.json.decode(text, type=dict[str, Any])
            identifier = message.get("id")
            result = self._call(message)
        except msgspec.DecodeError:
            self._answer(identifier, 400, error=Refusal(-1100, "Illegal characters found in a parameter.").body())
        except Refusal as refusal:
            self._answer(identifier, refusal.status, error=refusal.body())
        else:
            self._answer(identifier, 200, result=result)

    def leave(self) -> None:
        """End all subscriptions."""
        for place, subscription in self._subscriptions.values():
            self._hub.unsubscribe(place, subscription)

    def _call(self, message: dict[str, Any]) -> Any:
        name = str(message.get("method"))
        method = self._methods.get(name)
        if method is None:
            text = "This method is retired." if name in RETIRED else f"Unknown method {name}."
            raise Refusal(-1000, text)
        values = {key: _text(value) for key, value in (message.get("params") or {}).items()}
        return method(Params(values))

    def _answer(self, identifier: Any, status: int, **content: Any) -> None:
        self._send(msgspec.json.encode({"id": identifier, "status": status, **content, "rateLimits": []}))

    def _subscribe(self, params: Params) -> Any:
        key = params.text("apiKey")
        account = self._venue.accounts.get(key)
        if account is None:
            signing.check_key_form(key)
            raise Refusal(-2015)
        signing.check_time(self._venue.clock.ms(), params)
        # Here the parameters are signed in alphabetical order.
        values = sorted((name, value) for name, value in params.values.items() if name != "signature")
        payload = "&".join(f"{name}={value}" for name, value in values)
        signing.check_signature(account.secret, payload, "", params)
        if not account.enabled or "reading" not in account.permissions:
            raise Refusal(-2015)
        number = next(self._numbers)
        place = (Market.SPOT, key)
        subscription = Subscription(self._send, number=number)
        self._subscriptions[number] = (place, subscription)
        self._hub.subscribe(place, subscription)
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Params) -> Any:
        number = params.number("subscriptionId")
        for chosen in list(self._subscriptions) if number is None else [number]:
            if chosen not in self._subscriptions:
                raise missing("subscriptionId")
            self._hub.unsubscribe(*self._subscriptions.pop(chosen))
        return {}

    def _list(self, params: Params) -> Any:
        return [{"subscriptionId": number} for number in self._subscriptions]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)

"""From the text of a request to the answer: limits, keys, signatures, and the endpoint's own work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.simulators.exchange import signing
from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.calls import Call, Endpoint, Security
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.params import Params, parse
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.routes import HISTORY, HISTORY_PATH, routes
from tests.simulators.exchange.venue import Venue

JSON = {"Content-Type": "application/json;charset=UTF-8"}


@dataclass(slots=True)
class Incoming:
    """A request as it came in; `query` is neither decoded nor does it begin with a question mark."""

    method: str
    path: str
    query: str
    body: str
    key: str


@dataclass(slots=True)
class Answer:
    """What goes out."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))


def refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a refusal as an answer."""
    return Answer(refusal.status, msgspec.json.encode(refusal.body()), {**JSON, **(headers or {}), **refusal.headers})


class Answering:
    """Answers requests, one after the other and each at once."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._routes = routes()

    def market_of(self, incoming: Incoming) -> Market:
        """Return the market that a request belongs to, known path or not."""
        path = incoming.path
        if path.startswith("/dapi/") or (path == HISTORY_PATH and "pair=" in incoming.query):
            return Market.COIN_M
        return Market.SPOT if path.startswith(("/api/", "/sapi/")) else Market.USD_M

    def answer(self, incoming: Incoming) -> Answer:
        """Return the answer of the exchange to a request."""
        headers: dict[str, str] = {}
        try:
            body = self._work(incoming, headers)
        except Refusal as refusal:
            return refused(refusal, headers)
        encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Answer(200, encoded, {**JSON, **headers})

    def _work(self, incoming: Incoming, headers: dict[str, str]) -> Any:
        venue, now = self._venue, self._venue.clock.ms()
        params = Params(parse(incoming.query, incoming.body))
        endpoint = self._endpoint(incoming)
        weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(params)
        headers["X-MBX-USED-WEIGHT-1M"] = str(venue.limits.admit(endpoint.market, now, weight))
        call = Call(venue, endpoint.market, params, now, None, incoming.method)
        if endpoint.security is not Security.NONE:
            call.account = self._account(incoming, endpoint, params, now)
            if endpoint.counts:
                headers.update(venue.limits.count_order(call.account, endpoint.market, now))
        return endpoint.handle(call)

    def _endpoint(self, incoming: Incoming) -> Endpoint:
        endpoint = self._routes.get((incoming.method, incoming.path))
        if endpoint is None and incoming.path == HISTORY_PATH:
            endpoint = HISTORY[self.market_of(incoming)]
        if endpoint is None:
            raise Refusal(-5000, f"Path {incoming.path}, Method {incoming.method} is invalid", status=404)
        return endpoint

    def _account(self, incoming: Incoming, endpoint: Endpoint, params: Params, now: int) -> Account:
        account = self._venue.accounts.get(incoming.key)
        if account is None:
            signing.check_key_form(incoming.key)
            raise Refusal(-2015)
        if endpoint.security is Security.SIGNED:
            signing.check_time(now, params)
            signing.check_signature(account.secret, incoming.query, incoming.body, params)
        if not account.enabled or endpoint.permission not in account.permissions:
            raise Refusal(-2015)
        return account

"""From the text of a request to the answer: limits, keys, signatures, and the endpoint's own work."""

from typing import Any

import msgspec

from tests.simulators.exchange import signing
from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.calls import Call, Endpoint, Security
from tests.simulators.exchange.incoming import Head, Incoming
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.params import Params, parse
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.routes import HISTORY, HISTORY_PATH, routes
from tests.simulators.exchange.venue import Venue

OPEN, SIGNED = Security.NONE, Security.SIGNED
ENCODER = msgspec.json.Encoder()
JSON = "Content-Type: application/json;charset=UTF-8\r\n"


class Answer(msgspec.Struct):
    """What goes out; each of its headers ends its line."""

    status: int
    body: bytes
    headers: str = JSON


def refused(refusal: Refusal, headers: str = JSON) -> Answer:
    """Return a refusal as an answer."""
    own = [f"{name}: {value}\r\n" for name, value in refusal.headers.items()]
    return Answer(refusal.status, msgspec.json.encode(refusal.body()), headers + "".join(own))


class Answering:
    """Answers requests, one after the other and each at once."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._routes = {f"{method} {path}": endpoint for (method, path), endpoint in routes().items()}

    def market_of(self, head: Head) -> Market:
        """Return the market that a request belongs to, known path or not."""
        path = head.path
        if path.startswith("/dapi/") or (path == HISTORY_PATH and "pair=" in head.query):
            return Market.COIN_M
        return Market.SPOT if path.startswith(("/api/", "/sapi/")) else Market.USD_M

    def answer(self, incoming: Incoming) -> Answer:
        """Return the answer of the exchange to a request."""
        answer = Answer(200, b"")
        try:
            body = self._work(incoming, answer)
        except Refusal as refusal:
            return refused(refusal, answer.headers)
        answer.body = body if isinstance(body, bytes) else ENCODER.encode(body)
        return answer

    def _work(self, incoming: Incoming, answer: Answer) -> Any:
        """Return the body of an answer, whose headers tell what is counted."""
        venue, head = self._venue, incoming.head
        now, limits = venue.clock.ms(), venue.limits
        params = Params(parse(head.query, incoming.body))
        endpoint = self._routes.get(head.name) or self._unusual(head)
        market, weight = endpoint.market, endpoint.weight
        used = limits.admit(market, now, weight if isinstance(weight, int) else weight(params))
        answer.headers = f"{JSON}X-MBX-USED-WEIGHT-1M: {used}\r\n"
        account = self._account(incoming, endpoint, params, now) if endpoint.security is not OPEN else None
        if account and endpoint.counts:
            answer.headers += limits.count_order(account, market, now)
        return endpoint.handle(Call(venue, market, params, now, account, head.method))

    def _unusual(self, head: Head) -> Endpoint:
        if head.path == HISTORY_PATH:
            return HISTORY[self.market_of(head)]
        raise Refusal(-5000, f"Path {head.path}, Method {head.method} is invalid", status=404)

    def _account(self, incoming: Incoming, endpoint: Endpoint, params: Params, now: int) -> Account:
        account = self._venue.accounts.get(incoming.key)
        if account is None:
            signing.check_key_form(incoming.key)
            raise Refusal(-2015)
        if endpoint.security is SIGNED:
            signing.check_time(now, params)
            signing.check_signature(account.secret, incoming.head.query, incoming.body, params)
        if not account.enabled or endpoint.permission not in account.permissions:
            raise Refusal(-2015)
        return account

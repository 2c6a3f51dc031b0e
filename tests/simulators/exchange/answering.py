"""From the text of a request to the answer: limits, keys, signatures, and the endpoint's own work."""

from collections.abc import Callable, Sequence
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


class Admitted(msgspec.Struct):
    """A request that is to be worked on, and its answer, which is begun."""

    handle: Callable[[Call], Any]
    call: Call
    answer: Answer


def refused(refusal: Refusal, headers: str = JSON) -> Answer:
    """Return a refusal as an answer."""
    own = [f"{name}: {value}\r\n" for name, value in refusal.headers.items()]
    return Answer(refusal.status, msgspec.json.encode(refusal.body()), headers + "".join(own))


class Answering:
    """Answers requests in their order; `tell` gets mistakes of its own, whose requests have no answer."""

    def __init__(self, venue: Venue, tell: Callable[[Exception], None]) -> None:
        self._venue, self._tell = venue, tell
        self._routes = {f"{method} {path}": endpoint for (method, path), endpoint in routes().items()}

    def market_of(self, head: Head) -> Market:
        """Return the market that a request belongs to, known path or not."""
        path = head.path
        if path.startswith("/dapi/") or (path == HISTORY_PATH and "pair=" in head.query):
            return Market.COIN_M
        return Market.SPOT if path.startswith(("/api/", "/sapi/")) else Market.USD_M

    def answers(self, arrived: Sequence[Incoming]) -> list[Answer | None]:
        """Return the answers of the exchange to requests that are due together.

        All are checked before the first is worked on: the processor's caches hold the code for one of both alone.
        """
        return [self._finish(step) for step in [self._begin(incoming) for incoming in arrived]]

    def _begin(self, incoming: Incoming) -> Admitted | Answer | None:
        answer = Answer(200, b"")
        try:
            return self._admit(incoming, answer)
        except Refusal as refusal:
            return refused(refusal, answer.headers)
        except Exception as mistake:  # noqa: BLE001 - the others are to be answered
            self._tell(mistake)
            return None

    def _finish(self, admitted: Admitted | Answer | None) -> Answer | None:
        if not isinstance(admitted, Admitted):
            return admitted
        answer = admitted.answer
        try:
            body = admitted.handle(admitted.call)
            answer.body = body if isinstance(body, bytes) else ENCODER.encode(body)
        except Refusal as refusal:
            return refused(refusal, answer.headers)
        except Exception as mistake:  # noqa: BLE001 - the others are to be answered
            self._tell(mistake)
            return None
        return answer

    def _admit(self, incoming: Incoming, answer: Answer) -> Admitted:
        """Let a request in that may be worked on; the headers of its answer tell what is counted."""
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
        return Admitted(endpoint.handle, Call(venue, market, params, now, account, head.method), answer)

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

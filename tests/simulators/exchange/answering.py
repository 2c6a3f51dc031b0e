"""From the text of a request to the answer: limits, keys, signatures, and the endpoint's own work."""

from collections.abc import Callable, Iterator, Sequence
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
STEPS = 4  # of a course
ENCODER = msgspec.json.Encoder()
JSON = "Content-Type: application/json;charset=UTF-8\r\n"


class Answer(msgspec.Struct):
    """What goes out; each of its headers ends its line. Where the status is 0, the connection breaks instead."""

    status: int = 200
    body: bytes = b""
    headers: str = JSON

    def refuse(self, refusal: Refusal) -> None:
        """Become the answer of a refusal, which adds its own headers."""
        own = [f"{name}: {value}\r\n" for name, value in refusal.headers.items()]
        self.status, self.body = refusal.status, msgspec.json.encode(refusal.body())
        self.headers += "".join(own)


def refused(refusal: Refusal) -> Answer:
    """Return a refusal as an answer."""
    answer = Answer()
    answer.refuse(refusal)
    return answer


class Answering:
    """Answers requests in their order; `tell` gets mistakes of its own, which break connections."""

    def __init__(self, venue: Venue, tell: Callable[[Exception], None]) -> None:
        self._venue, self._tell = venue, tell
        self._routes = {f"{method} {path}": endpoint for (method, path), endpoint in routes().items()}

    def market_of(self, head: Head) -> Market:
        """Return the market that a request belongs to, known path or not."""
        path = head.path
        if path.startswith("/dapi/") or (path == HISTORY_PATH and "pair=" in head.query):
            return Market.COIN_M
        return Market.SPOT if path.startswith(("/api/", "/sapi/")) else Market.USD_M

    def answers(self, arrived: Sequence[Incoming]) -> list[Answer]:
        """Return the answers of the exchange to requests that are due together.

        Each step is done for all before the next: the innermost caches of a processor hold the code of one, not of all.
        """
        answers = [Answer() for _ in arrived]
        courses = [self._course(incoming, answer) for incoming, answer in zip(arrived, answers, strict=True)]
        for _ in range(STEPS):
            for course in courses:
                next(course, None)
        return answers

    def _course(self, incoming: Incoming, answer: Answer) -> Iterator[None]:
        """Fill in an answer, step by step."""
        try:
            params = Params(parse(incoming.head.query, incoming.body))
            yield
            handle, call = self._admit(incoming, params, answer)
            yield
            body = handle(call)
            yield
            answer.body = body if isinstance(body, bytes) else ENCODER.encode(body)
        except Refusal as refusal:
            answer.refuse(refusal)
        except Exception as mistake:  # noqa: BLE001 - the others are to be answered
            answer.status = 0
            self._tell(mistake)

    def _admit(self, incoming: Incoming, params: Params, answer: Answer) -> tuple[Callable[[Call], Any], Call]:
        """Return who works on a request, which may be; the headers of its answer tell what is counted."""
        venue, head = self._venue, incoming.head
        now, limits = venue.clock.ms(), venue.limits
        endpoint = self._routes.get(head.name) or self._unusual(head)
        market, weight = endpoint.market, endpoint.weight
        used = limits.admit(market, now, weight if isinstance(weight, int) else weight(params))
        answer.headers = f"{JSON}X-MBX-USED-WEIGHT-1M: {used}\r\n"
        account = self._account(incoming, endpoint, params, now) if endpoint.security is not OPEN else None
        if account and endpoint.counts:
            answer.headers += limits.count_order(account, market, now)
        return endpoint.handle, Call(venue, market, params, now, account, head.method)

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

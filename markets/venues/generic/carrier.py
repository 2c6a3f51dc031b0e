"""ccxt's exchanges on our own transport: what is sent, what comes back, and which digits.

Mixed into an exchange's class, it replaces the methods through which ccxt meets the world: requests take our session,
budget and bans; answers keep their digits; quantities and prices go out as they are.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from copytrade.lib.wire import plain_digits
from markets.venues.budget import Budget
from markets.venues.budget_rules import Demand, Pool
from markets.venues.deadline import check_deadline
from markets.venues.errors import Retryable
from markets.venues.generic.errors import Told
from markets.venues.http import NoAnswerError, NotSentError, Transport, UnreadableError


class Digits(Decimal):
    """A JSON number in the digits in which it came, as ccxt reads numbers from text."""

    def __str__(self) -> str:
        return format(self, "f")


@dataclass(slots=True)
class Door:
    """Whether requests may go out; all copies of an exchange share it."""

    is_closed: bool = False

    def pass_through(self) -> None:
        """Stop a request that nobody waits for any more: ccxt asks several things at once, and one has failed."""
        if self.is_closed:
            raise NotSentError("closed")


@dataclass(slots=True, weakref_slot=True)
class Turn:
    """The requests of one key, one after the other: for exchanges that want each number higher than the one before.

    The next one is numbered and sent when the one before has its answer: on their way two could overtake each other.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last: int = 0

    def number(self) -> int:
        """Return the next number: the microseconds of now, or one more than the last."""
        self.last = max(self.last + 1, time.time_ns() // 1000)
        return self.last


class Carrier:
    """Carries the requests of one exchange. `demand` is what each of them needs of the budget.

    `places`: this copy places one order, which keeps its deadline; `has_written`: that order may be there already.
    `turn`: the key's, where its requests are numbered.
    """

    transport: Transport
    budget: Budget
    pool: Pool
    door: Door
    demand: Demand = Demand(weight=1)
    places: bool = False
    has_written: bool = False
    turn: Turn | None = None

    async def request(self: Any, *arguments: Any, **options: Any) -> Any:
        """Sign and send a request, when it is its turn."""
        if self.turn is None:
            return await super().request(*arguments, **options)  # type: ignore[misc]
        async with self.turn.lock:
            return await super().request(*arguments, **options)  # type: ignore[misc]

    def incrementing_nonce(self: Any) -> int:
        """Return the number of a request."""
        return int(self.turn.number() if self.turn else super().incrementing_nonce())  # type: ignore[misc]

    async def fetch(self: Any, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Send a request that ccxt has signed; return the decoded answer, or raise what ccxt makes of it."""
        self.door.pass_through()
        await self.budget.reserve(self.pool, self.demand)
        self.door.pass_through()
        if self.places:
            self.keep_deadline()
            self.has_written |= method != "GET"
        sent = self.prepare_request_headers(headers)
        answer = await self.transport.send(method, url, headers=sent, body=body.encode() if body else None)
        text = answer.body.decode(errors="replace")
        decoded = _decoded(text)
        try:
            self.handle_errors(answer.status, "", url, method, answer.headers, text, decoded, sent, body)
            self.handle_http_status_code(answer.status, "", url, method, "")
        except Exception as error:
            error.told = Told(answer.status, answer.headers, text if decoded is None else decoded)  # type: ignore[attr-defined]
            raise
        if decoded is None:
            raise UnreadableError(f"HTTP {answer.status} with a body that is not JSON")
        return decoded

    def keep_deadline(self) -> None:
        """Send nothing after the deadline; where something was sent before, nobody knows what it was."""
        try:
            check_deadline()
        except Retryable:
            if self.has_written:
                raise NoAnswerError("too late for the rest") from None
            raise

    @staticmethod
    def json(data: Any, params: Any = None) -> str:  # noqa: ARG004  (ccxt's signature)
        """Return JSON; numbers are written as text."""
        return json.dumps(data, separators=(",", ":"), default=str)

    def amount_to_precision(self, symbol: str, amount: Any) -> str:
        """Return the quantity as it is: it was checked against the market's step."""
        return plain_digits(Decimal(str(amount)))

    def price_to_precision(self, symbol: str, price: Any) -> str:
        """Return the price as it is: it was checked against the market's tick."""
        return plain_digits(Decimal(str(price)))


def carried(exchange_class: Any) -> Any:
    """Return an exchange's class with its requests carried by us."""
    return type(exchange_class.__name__, (Carrier, exchange_class), {})


def _decoded(text: str) -> Any:
    """Return an answer decoded, with numbers in the digits in which they came; None where it is not JSON."""
    try:
        return json.loads(text, parse_float=Digits)
    except ValueError:
        return None

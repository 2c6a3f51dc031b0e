"""The rules of a venue's request budget, and the ledger that keeps them inside one process (pure).

Venues count in spans that begin at full minutes, hours and days. Weight counts per pool (an address at a venue),
orders per account. `markets.venues.budget_script` keeps the same rules in Redis for all processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from functools import cached_property

import msgspec

# So much of the weight is for everything; the rest is kept for orders.
SHARE_OF_READS_PERCENT = 80


@dataclass(frozen=True)
class Span:
    """At most `limit` in each span of this length."""

    length: timedelta
    limit: int

    @cached_property
    def milliseconds(self) -> int:
        """Return the length in milliseconds."""
        return self.length // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Pool:
    """A budget that all share who reach a venue from one address; `orders` count per account."""

    name: str
    weight: Span
    orders: tuple[Span, ...] = ()


class Demand(msgspec.Struct, frozen=True, gc=False):
    """What a request needs: weight, a count as an order of `account`, and whether it goes first."""

    weight: int
    urgent: bool = False
    account: str = ""
    places: bool = False

    def allowed(self, pool: Pool) -> int:
        """Return how far this request may fill the pool."""
        return pool.weight.limit if self.urgent else pool.weight.limit * SHARE_OF_READS_PERCENT // 100


class Ruling(IntEnum):
    """What a ledger says to a request."""

    GRANTED = 0
    BANNED = 1
    EXHAUSTED = 2
    TOO_MANY_ORDERS = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a request; `until` is when to ask again, and both times are of the ledger's clock in ms."""

    ruling: Ruling
    until: int
    now: int


@dataclass(slots=True)
class _Count:
    number: int = -1
    used: int = 0

    def in_span(self, number: int) -> int:
        if self.number != number:
            self.number, self.used = number, 0
        return self.used


@dataclass(slots=True)
class Ledger:
    """What was used of one pool, as far as this process knows. Times are milliseconds since the epoch."""

    pool: Pool
    banned_until: int = 0
    _weight: _Count = field(default_factory=_Count)
    _orders: dict[tuple[str, Span], _Count] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=dict)

    def reserve(self, demand: Demand, now: int) -> Verdict:
        """Count a request, or say why it may not be sent now."""
        span = self.pool.weight
        number = now // span.milliseconds
        held = self._stopped_until(demand)
        if held > now:
            return Verdict(Ruling.BANNED if self.banned_until > now else Ruling.TOO_MANY_ORDERS, held, now)
        if demand.weight and self._weight.in_span(number) + demand.weight > demand.allowed(self.pool):
            return Verdict(Ruling.EXHAUSTED, (number + 1) * span.milliseconds, now)
        counts = [(each, self._orders_of(demand.account, each)) for each in self._order_spans(demand)]
        for each, count in counts:
            if count.in_span(now // each.milliseconds) >= each.limit:
                return Verdict(Ruling.TOO_MANY_ORDERS, (now // each.milliseconds + 1) * each.milliseconds, now)
        self._weight.in_span(number)
        self._weight.used += demand.weight
        for _, count in counts:
            count.used += 1
        return Verdict(Ruling.GRANTED, 0, now)

    def stops(self, demand: Demand, now: int) -> bool:
        """Return whether a ban, or a pause of its account, forbids a request now, whatever is left."""
        return self.banned_until > now or (demand.places and self._held.get(demand.account, 0) > now)

    def learn(self, used: int, number: int) -> None:
        """Take over what the venue itself has counted in a span, where that is more."""
        if number >= self._weight.number:
            self._weight.used = max(self._weight.in_span(number), used)

    def seen(self) -> tuple[int, int]:
        """Return the number of the latest span and what was used in it."""
        return self._weight.number, self._weight.used

    def ban(self, until: int) -> None:
        """Let nobody call before `until`."""
        self.banned_until = max(self.banned_until, until)

    def hold(self, account: str, until: int) -> None:
        """Let an account place nothing before `until`."""
        self._held[account] = max(self._held.get(account, 0), until)

    def _stopped_until(self, demand: Demand) -> int:
        return max(self.banned_until, self._held.get(demand.account, 0) if demand.places else 0)

    def _order_spans(self, demand: Demand) -> Sequence[Span]:
        return self.pool.orders if demand.places else ()

    def _orders_of(self, account: str, span: Span) -> _Count:
        return self._orders.setdefault((account, span), _Count())

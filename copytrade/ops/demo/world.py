"""Market and leaders together: their past, told in reports, and their present, a few leaders at a time (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle, islice

from copytrade.ops.demo.leaders import Leader
from copytrade.ops.demo.market import HOUR, Market
from copytrade.ops.demo.payloads import payload

SPEED = 240  # live, an hour of the world passes in 15 seconds
HOURS_BETWEEN_REPORTS = 48
LAST_REPORTS = (24, 8, 2, 0)  # hours before the end


class World:
    """A market and the leaders in it."""

    def __init__(self, market: Market, leaders: Sequence[Leader]) -> None:
        self.market = market
        self.leaders = leaders
        self._turns = cycle([leader for leader in leaders if not leader.persona.silent_hours])

    def history(self, end: datetime) -> Iterator[bytes]:
        """Yield the reports of what happened until then, oldest first; silent leaders stop earlier."""
        begin = min(leader.until for leader in self.leaders)
        for age in range((end - begin) // HOUR, -1, -1):
            moment = end - age * HOUR
            self.market.advance(HOUR)
            for leader in self.leaders:
                if leader.until < moment and age >= leader.persona.silent_hours:
                    leader.live(moment)
                    if age % HOURS_BETWEEN_REPORTS == 0 or age in LAST_REPORTS:
                        yield report(leader)

    def advance(self, seconds: float) -> None:
        """Let real time pass in the market, faster than life."""
        self.market.advance(timedelta(seconds=seconds) * SPEED)

    def next_leaders(self, count: int, now: datetime) -> list[Leader]:
        """Return the leaders whose turn it is, after they traded up to now."""
        leaders = list(islice(self._turns, count))
        for leader in leaders:
            leader.live(now, SPEED)
        return leaders


def report(leader: Leader) -> bytes:
    """Return the leader's report and take its fills as reported."""
    if leader.persona.rests_flat:
        leader.close_all()
    body = payload(leader)
    leader.fills.clear()
    return body

"""Everything that the page of one decision shows: the leader's trades, the decision, its orders, how long each took."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from copytrade.lib.wire import iso_time
from replication.models import CopyIntent
from replication.selectors.decisions import DecisionChain, decision_chain
from replication.selectors.orders import milliseconds
from replication.vocabulary import Reason

LIMITS = {
    Reason.MAX_ORDER: "one order may be worth {limit} at most",
    Reason.MAX_SYMBOL: "all of one symbol may be worth {limit} at most",
    Reason.MAX_EXPOSURE: "all positions of the copy may be worth {limit} at most",
    Reason.MAX_LEVERAGE: "at the leverage allowed the positions may be worth {limit} at most",
    Reason.ACCOUNT_EXPOSURE: "all positions of the account may be worth {limit} at most",
    Reason.FUNDS: "the copy's funds are enough for positions worth {limit}",
    Reason.MAX_QUANTITY: "the market takes {limit} in one order at most",
}
HOPS = (
    ("The leader traded", "event_time"),
    ("Known here", "detected_at"),
    ("Decided", "planned_at"),
    ("Sent", "sent_at"),
    ("Acknowledged", "acknowledged_at"),
    ("Filled", "filled_at"),
    ("Finished", "finished_at"),
)


@dataclass(frozen=True, slots=True)
class Hop:
    """A step of the way, its moment, and milliseconds since the one before that is known."""

    label: str
    at: datetime
    after: float | None

    @property
    def time(self) -> str:
        """Return the moment to the millisecond."""
        return iso_time(self.at)


class DecisionRecord:
    """A decision in the words of its page."""

    def __init__(self, intent: CopyIntent) -> None:
        self.intent = intent

    @cached_property
    def chain(self) -> DecisionChain:
        """Return the leader's trades and the orders."""
        return decision_chain(self.intent)

    @cached_property
    def hops(self) -> list[Hop]:
        """Return the steps that were reached, in their order."""
        hops: list[Hop] = []
        for label, name in HOPS:
            moment = getattr(self.intent.signal if name == "event_time" else self.intent, name)
            if moment is not None:
                hops.append(Hop(label, moment, milliseconds(hops[-1].at, moment) if hops else None))
        return hops

    @property
    def message(self) -> str:
        """Return the sentence of the decision, unless it tells of the cuts, each of which has its own."""
        cut = self.intent.capped and self.intent.message.startswith("Cut from") and self.intent.state != "skipped"
        return "" if cut else self.intent.message

    @property
    def caps(self) -> list[str]:
        """Return each cut as a sentence."""
        market = self.intent.market
        return [cap_sentence(cap, market.quote_asset if market else "") for cap in self.intent.capped]

    @property
    def numbers(self) -> list[tuple[str, Any]]:
        """Return the numbers behind the code."""
        return [(name.replace("_", " ").capitalize(), value) for name, value in self.intent.numbers.items()]


def cap_sentence(cap: Mapping[str, Any], asset: str) -> str:
    """Return what cut an order, from what and to what; `asset` is what the limits on worth are in."""
    words = LIMITS.get(cap["code"], "{limit} at most")
    limit = cap.get("limit") if cap["code"] == Reason.MAX_QUANTITY else f"{cap.get('limit')} {asset}".rstrip()
    return f"Cut from {cap['from']} to {cap['to']}: {words.format(limit=limit)} ({cap['code']})."

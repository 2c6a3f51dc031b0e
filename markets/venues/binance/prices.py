"""The public price streams as price reports (pure). Source: the market stream pages of the three APIs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markets.venues.base import PriceReport
from markets.venues.binance.numbers import amount, moment
from markets.venues.vocabulary import MarketKind


@dataclass(frozen=True, slots=True)
class Quotes:
    """Reads bookTicker and markPrice; spot says no time with its best offers, so `now` stands in."""

    kind: MarketKind

    def read(self, event: Mapping[str, Any], now: datetime | None = None) -> PriceReport | None:
        """Return the prices that an event tells, None where it tells none."""
        if event.get("e") == "markPriceUpdate":
            return PriceReport(str(event["s"]), self.kind, moment(event["E"]), mark=amount(event["p"]))
        if "b" in event and "a" in event and "s" in event:
            told = moment(event["E"]) if "E" in event else now or datetime.now(UTC)
            return PriceReport(str(event["s"]), self.kind, told, bid=amount(event["b"]), ask=amount(event["a"]))
        return None

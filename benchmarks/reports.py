"""What invented scrapers post: reports in the normalised form that differ from one another as real ones do."""

from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from copytrade.lib.wire import iso_time
from ingest.event_time import event_time_text
from ingest.identity import seed_event_key
from ingest.report import BINANCE

ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "ADA", "LINK", "AVAX")
CENT = Decimal("0.01")
LOT = Decimal("0.001")
SOMETIMES, RARELY = 5, 10  # once in so many
HISTORY = 15 * 60  # seconds that a report's fills reach back
_json = msgspec.json.Encoder(decimal_format="number")


def symbol_names(count: int) -> list[str]:
    """Return names of symbols, the well-known ones first."""
    return [f"{ASSETS[n] if n < len(ASSETS) else f'COIN{n}'}USDT" for n in range(count)]


SYMBOLS = symbol_names(60)


def lead_id(number: int) -> str:
    """Return the id of a leader, as long as real ones are."""
    return str(4_681_698_170_000_000_000 + number)


@dataclass(frozen=True, slots=True)
class Holding:
    """A position; short ones have a negative size."""

    symbol: str
    size: Decimal
    entry: Decimal
    mark: Decimal


class Leader:
    """An invented leader: marks move in each report, sizes sometimes, and rarely a position gives way to another."""

    def __init__(self, lead_id: str, positions: int) -> None:
        self.lead_id = lead_id
        self._rng = Random(lead_id)
        self._clock = datetime.now(UTC)
        self._fills: deque[dict[str, Any]] = deque()
        self._spare = self._rng.sample(SYMBOLS, len(SYMBOLS))
        self._holdings = [self._open(self._spare.pop()) for _ in range(positions)]

    def report(self, events: int, repeated: int = 0) -> bytes:
        """Return the next report: so many fills, of which some stood in the one before."""
        self._clock += timedelta(seconds=1)
        self._live()
        self._fills.extend(self._fill() for _ in range(events - min(repeated, len(self._fills))))
        while len(self._fills) > events:
            self._fills.popleft()
        fetched_at = iso_time(self._clock)
        positions = [self._position(holding, fetched_at) for holding in self._holdings]
        fills = [{**fill, "fetchedAt": fetched_at} for fill in self._fills]
        return _json.encode({"leadId": self.lead_id, "fetchedAt": fetched_at, "positions": positions, "events": fills})

    def _live(self) -> None:
        self._holdings = [self._move(holding) for holding in self._holdings]
        if self._once_in(RARELY):
            closed = self._holdings.pop(0)
            self._holdings.append(self._open(self._spare.pop(0)))
            self._spare.append(closed.symbol)

    def _open(self, symbol: str) -> Holding:
        price = self._price(symbol)
        return Holding(symbol, self._amount() * self._rng.choice((1, -1)), price, price)

    def _move(self, holding: Holding) -> Holding:
        size = holding.size + LOT if self._once_in(SOMETIMES) else holding.size
        return replace(holding, size=size or LOT, mark=self._price(holding.symbol))

    def _position(self, holding: Holding, fetched_at: str) -> dict[str, Any]:
        margin = (abs(holding.size) * holding.mark / 20).quantize(CENT) or CENT
        pnl = ((holding.mark - holding.entry) * holding.size).quantize(CENT)
        return {
            "platform": BINANCE,
            "leadId": self.lead_id,
            "symbol": holding.symbol,
            "contractType": "PERP",
            "side": "SHORT" if holding.size < 0 else "LONG",
            "leverage": 20,
            "size": holding.size,
            "sizeAsset": holding.symbol.removesuffix("USDT"),
            "entryPrice": holding.entry,
            "markPrice": holding.mark,
            "marginUSDT": margin,
            "marginType": "CROSS",
            "pnlUSDT": pnl,
            "roePct": (pnl / margin * 100).quantize(CENT),
            "fetchedAt": fetched_at,
        }

    def _fill(self) -> dict[str, Any]:
        symbol, kind = self._rng.choice(SYMBOLS), self._rng.choice(("OPEN_LONG", "CLOSE_LONG", "CLOSE_SHORT"))
        amount, price = self._amount(), self._price(symbol)
        text = event_time_text(self._clock - timedelta(seconds=self._rng.randrange(HISTORY)))
        return {
            "platform": BINANCE,
            "leadId": self.lead_id,
            "eventTimeText": text,
            "eventType": kind,
            "symbol": symbol,
            "price": price,
            "amount": amount,
            "amountAsset": symbol.removesuffix("USDT"),
            "realizedPnl": None if kind == "OPEN_LONG" else Decimal(self._rng.randint(-9_000, 10_000)) * CENT,
            "event_key": seed_event_key(
                lead_id=self.lead_id, kind=kind, symbol=symbol, time_text=text, amount=amount, price=price
            ),
        }

    def _amount(self) -> Decimal:
        return self._rng.randint(1, 999_999) * LOT

    def _price(self, symbol: str) -> Decimal:
        """Return a price about one that differs from symbol to symbol: from 100,000 down to 30."""
        fair = 10_000_000 // (SYMBOLS.index(symbol) + 1) ** 2
        return max(fair + self._rng.randint(-fair // 50, fair // 50), 1) * CENT

    def _once_in(self, times: int) -> bool:
        return self._rng.randrange(times) == 0

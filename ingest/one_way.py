"""One-way mode: whether a fill opened or closed follows from the position before it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext

from ingest.identity import canonical_key
from ingest.report import OneWayFill
from traders.fills import NewFill

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Signed sizes by symbol that are known for a moment; a symbol that is missing is flat."""

    at: datetime
    sizes: Mapping[str, Decimal]


def resolve_one_way(
    fills: Iterable[OneWayFill],
    anchor: Anchor | None,
    name_key: Callable[[NewFill], str],
) -> list[NewFill]:
    """Return the fills as events that open or close; one that crosses zero becomes a close and an open.

    All fills of a report take part, stored ones too, so that the position at `anchor.at` fits. `name_key`
    makes the event key once the kind is known.
    """
    by_symbol: dict[str, list[OneWayFill]] = defaultdict(list)
    for fill in fills:
        by_symbol[fill.event.symbol].append(fill)
    events: list[NewFill] = []
    with localcontext(prec=120):
        for symbol, trades in by_symbol.items():
            trades.sort(key=lambda fill: fill.event.event_time)
            size = _size_before(trades, anchor, symbol)
            for fill in trades:
                events.extend(_split(fill, size, name_key))
                size += fill.signed_amount
    return events


def _size_before(trades: list[OneWayFill], anchor: Anchor | None, symbol: str) -> Decimal:
    """Return the position before the first trade: the anchor's less what was traded up to it."""
    if anchor is None:
        return ZERO
    until = (fill.signed_amount for fill in trades if fill.event.event_time <= anchor.at)
    return anchor.sizes.get(symbol, ZERO) - sum(until, ZERO)


def _split(fill: OneWayFill, before: Decimal, name_key: Callable[[NewFill], str]) -> list[NewFill]:
    bought = fill.signed_amount > 0
    opens, closes = ("OPEN_LONG", "CLOSE_SHORT") if bought else ("OPEN_SHORT", "CLOSE_LONG")
    amount = abs(fill.signed_amount)
    against = abs(before) if before and (before < 0) == bought else ZERO
    if fill.event.realized_pnl and not against:
        against = amount  # only a closing trade has a result, whatever we know of the position
    closed = min(amount, against)
    parts = [(closes, closed, fill.event.realized_pnl or ZERO), (opens, amount - closed, None)]
    events = [replace(fill.event, kind=kind, amount=part, realized_pnl=pnl) for kind, part, pnl in parts if part]
    return [
        replace(
            event,
            event_key=name_key(event),
            canonical_key=event.canonical_key if not index else canonical_key(event.canonical_key, "rest"),
        )
        for index, event in enumerate(events)
    ]

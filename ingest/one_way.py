"""One-way mode: whether a fill opened or closed follows from the position before it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    anchors: Sequence[Anchor],
    name_key: Callable[[NewFill], str],
) -> list[tuple[str, list[NewFill]]]:
    """Return for each fill its canonical key and what it did: an open, a close, or both where it crossed zero.

    All fills of a report take part, stored ones too, so that the positions at the anchors fit. `name_key` makes
    the event key once the kind is known.
    """
    by_symbol: dict[str, list[OneWayFill]] = defaultdict(list)
    for fill in fills:
        by_symbol[fill.event.symbol].append(fill)
    resolved = []
    with localcontext(prec=120):
        for symbol, trades in by_symbol.items():
            trades.sort(key=lambda fill: fill.event.event_time)
            size = _size_before(trades, anchors, symbol)
            for fill in trades:
                resolved.append((fill.event.canonical_key, _split(fill, size, name_key)))
                size += fill.signed_amount
    return resolved


def _size_before(trades: list[OneWayFill], anchors: Sequence[Anchor], symbol: str) -> Decimal:
    """Return the position before the first trade, by the anchor that the results of the trades contradict least.

    An anchor misleads where trades between it and the report are missing, or where its positions were fetched a
    moment before the trades were.
    """
    sizes = [_walk_back(trades, anchor, symbol) for anchor in anchors]
    return min(sizes, key=lambda size: _contradictions(trades, size), default=ZERO)


def _walk_back(trades: list[OneWayFill], anchor: Anchor, symbol: str) -> Decimal:
    until = (fill.signed_amount for fill in trades if fill.event.event_time <= anchor.at)
    return anchor.sizes.get(symbol, ZERO) - sum(until, ZERO)


def _contradictions(trades: list[OneWayFill], size: Decimal) -> int:
    """Count the trades that have a result without closing, or close without a result."""
    count = 0
    for fill in trades:
        count += _is_against(fill, size) != bool(fill.event.realized_pnl)
        size += fill.signed_amount
    return count


def _is_against(fill: OneWayFill, size: Decimal) -> bool:
    return bool(size) and (size < 0) == (fill.signed_amount > 0)


def _split(fill: OneWayFill, before: Decimal, name_key: Callable[[NewFill], str]) -> list[NewFill]:
    bought = fill.signed_amount > 0
    opens, closes = ("OPEN_LONG", "CLOSE_SHORT") if bought else ("OPEN_SHORT", "CLOSE_LONG")
    amount = abs(fill.signed_amount)
    against = abs(before) if _is_against(fill, before) else ZERO
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

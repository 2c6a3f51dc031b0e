"""The newest prices of all watched markets, in Redis: a hash for each venue and kind, a field for each symbol.

A report may tell only some parts (a stream of best offers, one of marks), so parts are kept with their own times and
the newest of each wins. What Redis loses comes back with the next tick; without Redis no price is known, and a price
that is not known is as good as stale.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from copytrade.lib.redis import client
from copytrade.lib.wire import from_milliseconds, plain_digits, to_milliseconds
from markets.models import Market
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

PARTS = ("last", "bid", "ask", "mark")
KEPT_SECONDS = 24 * 3600

# Merges parts by their times and returns each symbol as it is now. ARGV: seconds to keep, then JSON of
# [[number of the key, symbol, {part: [digits, milliseconds]}], ...].
MERGE = """
local merged = {}
for _, row in ipairs(cjson.decode(ARGV[2])) do
    local key, symbol, parts = KEYS[row[1]], row[2], row[3]
    local stored = redis.call('HGET', key, symbol)
    local now = stored and cjson.decode(stored) or {}
    for name, part in pairs(parts) do
        if not now[name] or now[name][2] <= part[2] then now[name] = part end
    end
    local text = cjson.encode(now)
    redis.call('HSET', key, symbol, text)
    merged[#merged + 1] = text
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return merged
"""

Parts = dict[str, tuple[str, int]]
_decoder = msgspec.json.Decoder(Parts)


def prices_write(venue: str, reports: Sequence[PriceReport]) -> list[PriceReport]:
    """Merge reports into what is known, in one round trip; return each market of theirs as it is known now.

    Raises `RedisError`.
    """
    told = [(report, parts) for report in reports if (parts := _parts(report))]
    if not told:
        return []
    kinds = list(dict.fromkeys(report.kind for report, _ in told))
    rows = [(kinds.index(report.kind) + 1, report.symbol, parts) for report, parts in told]
    keys = [_key(venue, kind) for kind in kinds]
    arguments = [KEPT_SECONDS, msgspec.json.encode(rows)]
    answers: Any = _redis().eval(MERGE, len(keys), *keys, *arguments)
    merged = {
        (report.kind, report.symbol): _report(report.symbol, report.kind, text)
        for (report, _), text in zip(told, answers, strict=True)
    }
    return list(merged.values())


def prices_read(venue: str, kind: MarketKind, symbols: Iterable[str]) -> dict[str, PriceReport]:
    """Return the prices that are known of these symbols, in one round trip; none where Redis does not answer."""
    wanted = list(dict.fromkeys(symbols))
    found = _read({(venue, kind): wanted})
    return {symbol: found[venue, kind, symbol] for symbol in wanted if (venue, kind, symbol) in found}


def prices_of(markets: Iterable[Market]) -> dict[int, PriceReport]:
    """Return the prices that are known of these markets by their id, in one round trip for all venues."""
    by_name = {(market.venue, MarketKind(market.kind), market.symbol): market.pk for market in markets}
    wanted: dict[tuple[str, MarketKind], list[str]] = {}
    for venue, kind, symbol in by_name:
        wanted.setdefault((venue, kind), []).append(symbol)
    return {by_name[name]: report for name, report in _read(wanted).items()}


def is_stale(report: PriceReport | None, now: datetime) -> bool:
    """Return whether a price is older than `PRICE_STALE_AFTER_SECONDS`: it takes no new risk. None is stale as well."""
    return report is None or now - report.time > timedelta(seconds=settings.PRICE_STALE_AFTER_SECONDS)


def price_for(report: PriceReport, use: str) -> Decimal | None:
    """Return the price for a use: `last`, `mid` or `mark`; where it is not told, the next best of the others."""
    mid = None if report.bid is None or report.ask is None else (report.bid + report.ask) / 2
    known = {"last": report.last, "mid": mid, "mark": report.mark}
    order = {"last": ("last", "mid", "mark"), "mid": ("mid", "last", "mark"), "mark": ("mark", "mid", "last")}[use]
    return next((value for name in order if (value := known[name]) is not None), None)


def _read(wanted: Mapping[tuple[str, MarketKind], Sequence[str]]) -> dict[tuple[str, MarketKind, str], PriceReport]:
    asked = {name: symbols for name, symbols in wanted.items() if symbols}
    if not asked:
        return {}
    pipeline = _redis().pipeline(transaction=False)
    for (venue, kind), symbols in asked.items():
        pipeline.hmget(_key(venue, kind), list(symbols))
    try:
        answers = pipeline.execute()
    except RedisError as error:
        logger.warning("No price is known, since Redis does not answer: %s", error)
        return {}
    return {
        (venue, kind, symbol): _report(symbol, kind, text)
        for ((venue, kind), symbols), texts in zip(asked.items(), answers, strict=True)
        for symbol, text in zip(symbols, texts, strict=True)
        if text is not None
    }


def _parts(report: PriceReport) -> Parts:
    moment = to_milliseconds(report.time)
    return {name: (plain_digits(value), moment) for name in PARTS if (value := getattr(report, name)) is not None}


def _report(symbol: str, kind: MarketKind, text: bytes) -> PriceReport:
    """Return a stored price; parts that are much older than its newest are left out."""
    parts = _decoder.decode(text)
    newest = max(moment for _, moment in parts.values())
    oldest = newest - settings.PRICE_STALE_AFTER_SECONDS * 1000
    current = {name: Decimal(digits) for name, (digits, moment) in parts.items() if moment >= oldest}
    return PriceReport(symbol, kind, from_milliseconds(newest), **current)


def _key(venue: str, kind: MarketKind) -> str:
    return f"copytrade:prices:{venue}:{kind}"


def _redis() -> Any:
    return client(settings.REDIS_URL)

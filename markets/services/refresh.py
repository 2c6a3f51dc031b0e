"""Keeping the markets of a venue as the venue lists them, in a constant number of statements."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from copytrade.lib import loop
from copytrade.lib.sql import json_rows, run
from markets.filters import Filters
from markets.models import MarketRefresh
from markets.venues import registry
from markets.venues.base import MarketSpec
from markets.venues.errors import VenueDown, VenueError
from markets.wanted import venues_wanted

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
AFTER_FAILURE = timedelta(minutes=5)
TIMEOUT_SECONDS = 60
LARGEST_LOSS = 0.5  # of the listed markets: more do not vanish at once, such an answer is broken

TEXTS = ("base_asset", "quote_asset", "margin_asset", "pair", "contract_type", "status")
SWITCHES = ("trading", "notional_min_on_market", "notional_max_on_market")
NUMBERS = ("contract_size", *(rule.name for rule in fields(Filters) if rule.name not in SWITCHES))
LISTS = ("order_types", "times_in_force")
COLUMNS = (*TEXTS, *SWITCHES, *NUMBERS, *LISTS)
LENGTHS = {**dict.fromkeys(TEXTS, 32), "symbol": 64, "pair": 64}  # as in the model

_types = {
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(SWITCHES, "boolean"),
    **dict.fromkeys(NUMBERS, "numeric"),
    **dict.fromkeys(LISTS, "text[]"),
}
LISTED = f"""json_to_recordset(%(rows)s::json) AS listed (
    symbol text, kind text, {", ".join(f"{name} {_types[name]}" for name in COLUMNS)}
)"""
COUNT = f"""
    SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM {LISTED} WHERE listed.symbol = market.symbol AND listed.kind = market.kind
    ))
    FROM markets_market AS market WHERE venue = %(venue)s AND delisted_at IS NULL
"""
UPSERT = f"""
    WITH written AS (
        INSERT INTO markets_market AS market (venue, symbol, kind, {", ".join(COLUMNS)}, refreshed_at)
        SELECT %(venue)s, symbol, kind, {", ".join(COLUMNS)}, %(now)s FROM {LISTED}
        ORDER BY symbol, kind  -- one order for all: concurrent runs that lock in different orders wait for ever
        ON CONFLICT (venue, symbol, kind) DO UPDATE SET
            delisted_at = NULL, refreshed_at = excluded.refreshed_at,
            {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}
        WHERE market.delisted_at IS NOT NULL
            OR ({", ".join(f"market.{name}" for name in COLUMNS)})
            IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in COLUMNS)})
        RETURNING xmax = 0 AS created
    )
    SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created) FROM written
"""
DELIST = f"""
    WITH gone AS (
        UPDATE markets_market AS market SET trading = false, delisted_at = %(now)s, refreshed_at = %(now)s
        WHERE venue = %(venue)s AND delisted_at IS NULL AND NOT EXISTS (
            SELECT FROM {LISTED} WHERE listed.symbol = market.symbol AND listed.kind = market.kind
        )
        RETURNING 1
    )
    SELECT count(*) FROM gone
"""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh changed. A market that is listed again counts as updated."""

    created: int
    updated: int
    delisted: int
    unchanged: int


def market_venue_want(slug: str) -> None:
    """Keep the markets of a venue from now on, since accounts use it; an unknown slug is `InvalidInput`.

    Those that are known without asking are there at once, the others with the next refresh.
    """
    registry.venue_info(slug)
    _, is_new = MarketRefresh.objects.get_or_create(venue=slug)
    if is_new and (specs := registry.built_in_markets(slug)):
        _store(slug, specs, timezone.now())


def markets_refresh(*, venue: str) -> RefreshResult:
    """Ask a venue for its markets and store what changed.

    A market that is no longer listed stays, marked as delisted; one that comes back is revived. An answer that would
    delist more than half is not believed. Raises `VenueError`; the venue's `MarketRefresh` tells of it as well.
    """
    registry.venue_info(venue)
    now = timezone.now()
    try:
        specs = loop.run(registry.adapter(venue).markets(), timeout=TIMEOUT_SECONDS)
        result, rows = _store(venue, specs, now)
    except (VenueError, TimeoutError) as error:
        message = str(error) or f"{venue} did not answer in {TIMEOUT_SECONDS} seconds."
        _note(venue, {"last_run_at": now, "error": message[:500]})
        raise error if isinstance(error, VenueError) else VenueDown(message) from error
    _note(venue, {"last_run_at": now, "last_success_at": now, "rows": rows, "error": ""})
    return result


def markets_refresh_due(*, now: datetime) -> dict[str, str]:
    """Refresh the venues in use whose turn it is; return what came of each. One that fails does not stop the others."""
    _want(venues_wanted())
    failed_long_ago = ~Q(error="") & Q(last_run_at__lte=now - AFTER_FAILURE)
    due = Q(last_run_at=None) | Q(last_run_at__lte=now - EVERY) | failed_long_ago
    venues = MarketRefresh.objects.filter(due).values_list("venue", flat=True)
    return {venue: _attempt(venue) for venue in list(venues)}


def markets_refresh_all(*, venues: Sequence[str] | None = None) -> dict[str, str]:
    """Refresh these venues, or all in use, now; return what came of each."""
    if venues is None:
        _want(venues_wanted())
        venues = list(MarketRefresh.objects.values_list("venue", flat=True))
    return {venue: _attempt(venue) for venue in venues}


def _want(venues: Sequence[str]) -> None:
    MarketRefresh.objects.bulk_create([MarketRefresh(venue=venue) for venue in venues], ignore_conflicts=True)


def _attempt(venue: str) -> str:
    try:
        return str(markets_refresh(venue=venue))
    except VenueError as error:
        logger.warning("The markets of %s were not refreshed: %s", venue, error)
        return f"failed: {error}"
    except Exception as error:
        logger.exception("Refreshing the markets of %s failed.", venue)
        _note(venue, {"last_run_at": timezone.now(), "error": f"Unexpected: {error!r}"[:500]})
        return f"failed: {error!r}"


def _store(venue: str, specs: Sequence[MarketSpec], now: datetime) -> tuple[RefreshResult, int]:
    listed = {(spec.symbol, spec.kind): _row(spec) for spec in specs}
    rows = [row for row in listed.values() if _fits(row)]
    if len(rows) < len(listed):
        logger.warning("%d markets of %s have names that are too long to store.", len(listed) - len(rows), venue)
    parameters = {"venue": venue, "now": now, "rows": json_rows(rows)}
    with transaction.atomic():
        ((known, vanishing),) = run(COUNT, parameters)
        if not rows or vanishing > known * LARGEST_LOSS:
            raise VenueDown(f"{venue} listed {len(rows)} markets and left out {vanishing} of {known}: not believed.")
        ((created, updated),) = run(UPSERT, parameters)
        ((delisted,),) = run(DELIST, parameters)
    return RefreshResult(created, updated, delisted, len(rows) - created - updated), len(rows)


def _row(spec: MarketSpec) -> dict[str, Any]:
    row = {**asdict(spec), **asdict(spec.filters)}
    return {name: row[name] for name in ("symbol", "kind", *COLUMNS)}


def _fits(row: dict[str, Any]) -> bool:
    return all(len(row[name]) <= longest for name, longest in LENGTHS.items())


def _note(venue: str, values: dict[str, Any]) -> None:
    row = MarketRefresh(venue=venue, **values)
    MarketRefresh.objects.bulk_create([row], update_conflicts=True, unique_fields=["venue"], update_fields=list(values))

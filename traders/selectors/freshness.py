"""How old data is. Stale data is shown as stale, never as "nothing there"."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from traders.freshness import Freshness
from traders.models import LeadTrader, SourceFreshness


def is_stale(moment: datetime | None, now: datetime) -> bool:
    """Return whether data of that moment is older than `LEADER_STALE_AFTER_SECONDS`; none is stale as well."""
    return moment is None or now - moment > timedelta(seconds=settings.LEADER_STALE_AFTER_SECONDS)


def source_age_from(source: SourceFreshness) -> datetime:
    """Return the moment to count a source's age from: its own clock, unless that is ahead of ours."""
    return min(source.reported_at, source.received_at)


def freshness_of(leader: LeadTrader) -> Freshness:
    """Return the freshness of a leader whose `sources` are loaded."""
    return combine(leader.sources.all(), timezone.now())


def freshness_by_leader(ids: Iterable[int]) -> dict[int, Freshness]:
    """Return the freshness of leaders by their id, in one statement."""
    now = timezone.now()
    found: dict[int, list[SourceFreshness]] = {identifier: [] for identifier in ids}
    for source in SourceFreshness.objects.filter(trader__in=found):
        found[source.trader_id].append(source)
    return {identifier: combine(sources, now) for identifier, sources in found.items()}


def combine(sources: Iterable[SourceFreshness], now: datetime) -> Freshness:
    """Return the freshness that several sources of one leader give together: the newest counts."""
    known = list(sources)
    reported = max((source.reported_at for source in known), default=None)
    positions = max((source.positions_at for source in known if source.positions_at), default=None)
    newest = max((source_age_from(source) for source in known), default=None)
    return Freshness(
        reported_at=reported,
        positions_at=positions,
        stale=is_stale(newest, now),
        positions_stale=is_stale(min(positions, newest) if positions and newest else None, now),
    )

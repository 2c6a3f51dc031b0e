"""Scheduled work. Each task is safe to run twice, and at the same time; a missed run is made up for by the next."""

from dataclasses import asdict
from typing import Any

from celery import shared_task, signals
from django.utils import timezone

from markets.services.candles import candles_prune as prune
from markets.services.candles import candles_sync as sync
from markets.services.refresh import markets_refresh_all, markets_refresh_due
from markets.venues.registry import adapters_import


@signals.worker_init.connect
def venues_import(**_: object) -> None:
    """Import what venues need before processes are forked, which share it then."""
    adapters_import()


@shared_task(name="markets.refresh_due")
def refresh_due() -> dict[str, str]:
    """Refresh the markets of the venues whose turn it is: every hour, at start, and soon after a failure."""
    return markets_refresh_due(now=timezone.now())


@shared_task(name="markets.refresh_now", ignore_result=False, track_started=True)
def refresh_now(venues: list[str] | None = None) -> dict[str, str]:
    """Refresh the markets of these venues, or of all in use, because staff asked for it."""
    return markets_refresh_all(venues=venues)


@shared_task(name="markets.candles_sync")
def candles_sync() -> dict[str, int]:
    """Bring all series of candles up to date."""
    return asdict(sync(now=timezone.now()))


@shared_task(name="markets.candles_sync_now", ignore_result=False, track_started=True)
def candles_sync_now(series: list[int] | None = None) -> dict[str, Any]:
    """Bring these series up to date, or all, because staff asked for it."""
    return asdict(sync(now=timezone.now(), only=series))


@shared_task(name="markets.candles_prune")
def candles_prune() -> None:
    """Delete the candles that are older than they are kept."""
    prune(now=timezone.now())

"""Scheduled work. Each task is safe to run twice; a missed run is made up for by the next."""

from celery import shared_task
from django.utils import timezone

from traders.services import leaders, scores


@shared_task(name="traders.scores_refresh_all")
def scores_refresh_all() -> int:
    """Score all leaders as of today, so that idle ones age."""
    return scores.scores_refresh_all(now=timezone.now())


@shared_task(name="traders.scores_refresh_some")
def scores_refresh_some(ids: list[int]) -> int:
    """Score these leaders as of today, because staff asked for it."""
    return scores.scores_refresh_some(ids=ids, now=timezone.now())


@shared_task(name="traders.staleness_announce")
def staleness_announce() -> int:
    """Tell listeners of leaders whose data became stale."""
    return leaders.staleness_announce(now=timezone.now())

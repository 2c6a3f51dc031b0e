"""Scheduled work."""

from celery import shared_task

from copytrade.realtime import services


@shared_task(name="realtime.events_prune")
def events_prune() -> int:
    """Delete old events. Safe to run twice."""
    return services.events_prune()

"""Scheduled work."""

from celery import shared_task

from ingest import services


@shared_task(name="ingest.batches_prune")
def batches_prune() -> int:
    """Delete old batches. Safe to run twice."""
    return services.batches_prune()

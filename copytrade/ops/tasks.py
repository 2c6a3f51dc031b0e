"""Scheduled work."""

from celery import shared_task


@shared_task(name="ops.heartbeat")
def heartbeat() -> None:
    """Show that beat, broker and worker work together: the queue moves."""
    from copytrade.ops.signs_of_life import mark_alive

    mark_alive("queue")

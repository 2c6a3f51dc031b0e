"""Background work of copies: tasks only wake the engine up, the rows say what is to be done."""

from celery import shared_task

from copytrade.lib.wake import woken
from replication.engine import running
from replication.services.protecting import copies_protect


@shared_task(name=running.FAN_OUT)
def fan_out() -> None:
    """Turn what leaders did into orders of those who copy them."""
    woken(running.FAN_OUT)
    running.fan_out()


@shared_task(name="replication.sweep")
def sweep() -> None:
    """Find what a lost message, or a worker that died, left behind."""
    woken("replication.sweep")
    running.sweep()


@shared_task(name="replication.protect")
def protect() -> None:
    """Look after what copies hold."""
    copies_protect()

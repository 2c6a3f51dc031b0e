"""The Celery application: tasks only wake work up, the rows are the queue."""

import gc
import os
import sys

from celery import Celery, signals
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "copytrade.settings")

TURN_SECONDS = 0.0005  # a statement's answer waited up to 5 ms for its turn, ten times as long as for PostgreSQL
GARBAGE_OBJECTS = 50_000  # so many more than before, before anybody looks

app = Celery("copytrade")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_postrun.connect
def connections_return(**_: object) -> None:
    """Give a task's connections back to the pool, as Django does after a request; broken ones are replaced there."""
    close_old_connections()


@signals.worker_process_init.connect
def process_prepare(**_: object) -> None:
    """Give the two threads short turns, and look for garbage rarely, among new objects only.

    One talks to PostgreSQL and goes on soon while the one that talks to venues is busy. All that was imported stays.
    """
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)

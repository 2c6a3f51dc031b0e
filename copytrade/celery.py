"""The Celery application: tasks only wake work up, the rows are the queue."""

import os

from celery import Celery, signals
from django.db import close_old_connections

from copytrade.lib.garbage import garbage_look_rarely

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "copytrade.settings")

app = Celery("copytrade")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_postrun.connect
def connections_return(**_: object) -> None:
    """Give a task's connections back to the pool, as Django does after a request; broken ones are replaced there."""
    close_old_connections()


@signals.worker_process_init.connect
def process_prepare(**_: object) -> None:
    """Look for garbage rarely, among new objects only: all that was imported stays."""
    garbage_look_rarely()

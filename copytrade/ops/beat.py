"""The scheduler of django-celery-beat, which also shows that it runs."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from copytrade.ops.signs_of_life import BEAT, mark_alive


class HeartbeatScheduler(DatabaseScheduler):  # type: ignore[misc]  # the package has no types
    """Leaves a sign of life at each tick."""

    max_interval = 5

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due; return the seconds until the next time."""
        mark_alive(BEAT)
        return float(min(super().tick(*args, **kwargs), self.max_interval))

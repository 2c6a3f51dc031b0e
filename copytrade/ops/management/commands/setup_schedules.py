"""Fills django-celery-beat with what runs by itself."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from copytrade.ops.schedules import schedules


class Command(BaseCommand):
    """Make or update each schedule; staff may switch one off in the admin, and it stays off."""

    help = "Makes or updates the periodic tasks of this version."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Write one row for each schedule."""
        now, wanted = timezone.now(), schedules()
        for name, schedule in wanted.items():
            values = {"task": schedule["task"], **self._when(schedule)}
            # A time to start that has passed makes the first run one at once, not one after an interval.
            PeriodicTask.objects.update_or_create(
                name=name, defaults=values, create_defaults={**values, "start_time": now}
            )
        self.stdout.write(f"{len(wanted)} schedules are set up.")

    def _when(self, schedule: dict[str, Any]) -> dict[str, Any]:
        if seconds := schedule.get("every_seconds"):
            interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
            return {"interval": interval, "crontab": None}
        table, _ = CrontabSchedule.objects.get_or_create(
            **{"hour": "*", **schedule["crontab"]},
            day_of_week="*",
            day_of_month="*",
            month_of_year="*",
            timezone="UTC",
        )
        return {"interval": None, "crontab": table}

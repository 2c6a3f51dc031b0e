"""What a first run makes, and that a second one makes nothing."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_celery_beat.models import PeriodicTask

from copytrade.accounts.authentication import find_key_holder
from copytrade.accounts.models import ApiKey, User
from copytrade.celery import app
from copytrade.ops.schedules import schedules

pytestmark = pytest.mark.django_db


def bootstrap() -> dict[str, Any]:
    output = StringIO()
    call_command("bootstrap", stdout=output)
    return dict(json.loads(output.getvalue()))


def test_the_first_run_tells_a_login_and_a_key_that_work(client, settings):
    settings.INGEST_API_KEY = ""
    told = bootstrap()

    assert client.login(username=told["staff_email"], password=told["staff_password"])
    holder = find_key_holder(told["ingest_key"])
    assert holder is not None
    assert holder.scopes == {"ingest"}


def test_a_second_run_makes_nothing_and_tells_nothing(settings):
    settings.INGEST_API_KEY = ""
    bootstrap()

    assert set(bootstrap().values()) == {None}
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


def test_what_was_given_is_used_and_not_told(client, settings, monkeypatch):
    settings.INGEST_API_KEY = "given"
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "ada@example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-password-of-her-own")

    assert bootstrap() == {"staff_email": "ada@example.com", "staff_password": None, "ingest_key": None}
    assert client.login(username="ada@example.com", password="a-password-of-her-own")


def test_an_address_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "ada")

    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_EMAIL"):
        bootstrap()


def test_schedules_are_made_once_and_name_tasks_that_exist():
    call_command("setup_schedules", stdout=StringIO())
    call_command("setup_schedules", stdout=StringIO())

    tasks = PeriodicTask.objects.filter(name__in=schedules())
    assert tasks.count() == len(schedules())
    app.loader.import_default_modules()
    assert {task.task for task in tasks} <= app.tasks.keys()


def test_a_schedule_that_staff_switched_off_stays_off():
    call_command("setup_schedules", stdout=StringIO())
    PeriodicTask.objects.filter(name="Prune stream events").update(enabled=False)

    call_command("setup_schedules", stdout=StringIO())

    assert not PeriodicTask.objects.get(name="Prune stream events").enabled


def test_every_scheduled_task_is_safe_to_run_twice():
    app.loader.import_default_modules()
    for schedule in schedules().values():
        assert app.tasks[schedule["task"]]() == app.tasks[schedule["task"]]()

"""Workers are woken once for what waits, until one of them has begun."""

from typing import Any

import pytest

from copytrade.lib import wake as module
from copytrade.lib.wake import wake, woken

TASK = "test.wake"


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to the workers."""
    tasks: list[str] = []

    class Queue:
        @staticmethod
        def send_task(task: str) -> None:
            tasks.append(task)

    monkeypatch.setattr(module, "current_app", Queue)
    woken(TASK)
    return tasks


def test_a_task_is_sent_once_until_it_has_begun(sent: list[str]) -> None:
    wake(TASK)
    wake(TASK)
    assert sent == [TASK]

    woken(TASK)
    wake(TASK)
    assert sent == [TASK, TASK]


def test_several_workers_are_woken_at_once(sent: list[str]) -> None:
    wake(TASK, times=2)
    wake(TASK, times=2)

    assert sent == [TASK, TASK]


def test_without_redis_it_is_said_and_left_to_the_schedule(
    sent: list[str], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    wake(TASK)
    woken(TASK)

    assert sent == []
    assert "is not woken, since Redis does not answer" in caplog.text

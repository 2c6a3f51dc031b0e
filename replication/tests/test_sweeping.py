"""The sweep goes on where one of its steps stumbles, and gives up only while the database is away."""

import pytest
from django.db import OperationalError

from replication.engine import running

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(monkeypatch):
    """How often the last step was taken."""
    found = []
    monkeypatch.setattr(running, "signals_finish", lambda: found.append("finish"))
    return found


def test_a_step_that_fails_keeps_no_other_from_its_work(monkeypatch, done, caplog):
    def vanished_signals():
        raise ValueError("nobody thought of this")

    monkeypatch.setattr(running, "vanished_signals", vanished_signals)

    running.sweep()

    assert done[-1] == "finish"
    assert "A step of the sweep failed: vanished_signals" in caplog.text


def test_while_the_database_is_away_nothing_is_tried(monkeypatch, done):
    def vanished_signals():
        raise OperationalError

    monkeypatch.setattr(running, "vanished_signals", vanished_signals)

    with pytest.raises(OperationalError):
        running.sweep()

    assert done == []

"""An entry that failed is not tried again once its leader has closed the position."""

import pytest
from django.utils import timezone

from replication.engine.planning import Planned
from replication.models import CopyIntent, Signal
from replication.services import retrying
from replication.services.refusing import CopyConflict
from replication.services.retrying import decision_retry
from replication.tests.kit import follow
from tests.factories import make_account, make_leader
from traders.models import LeaderStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def copy():
    return follow(make_leader(status=LeaderStatus.APPROVED), make_account())


@pytest.fixture
def planned(monkeypatch):
    """Whose decisions were planned anew; nothing is ordered."""
    found = []

    def replan(*, signal, copy_ids):
        found.extend(copy_ids)
        return Planned(None, [], 1, more=False)

    monkeypatch.setattr(retrying, "intents_replan", replan)
    return found


def signal(followed, action, **values):
    number, now = Signal.objects.count(), timezone.now()
    return Signal.objects.create(
        **{
            "trader": followed.trader,
            "source": "event",
            "source_key": f"test-{number}",
            "action": action,
            "symbol": "BTCUSDT",
            "side": "LONG",
            "quantity": 1,
            "event_time": now,
            **values,
        }
    )


def failed(copy, action="OPEN"):
    return CopyIntent.objects.create(
        signal=signal(copy, action),
        copy=copy,
        state="failed",
        exits=action == "CLOSE",
        detected_at=timezone.now(),
    )


def test_an_entry_whose_position_the_leader_has_closed_since_is_refused(copy):
    intent = failed(copy)
    signal(copy, "CLOSE")

    with pytest.raises(CopyConflict, match="closed this position since"):
        decision_retry(intent=intent, actor=copy.account.user)

    intent.refresh_from_db()
    assert (intent.state, intent.attempts) == ("failed", 1)


@pytest.mark.parametrize(
    "later",
    [{"action": "REDUCE"}, {"action": "CLOSE", "side": "SHORT"}, {"action": "CLOSE", "symbol": "ETHUSDT"}],
)
def test_other_exits_of_the_leader_do_not_matter(copy, planned, later):
    intent = failed(copy)
    signal(copy, later.pop("action"), **later)

    decision_retry(intent=intent, actor=copy.account.user)

    assert planned == [copy.pk]


def test_an_entry_whose_leader_was_seen_flat_since_is_refused_though_another_copy_was_told(copy):
    intent = failed(copy)
    other = follow(copy.trader, make_account())
    signal(copy, "CLOSE", copy=other, source="flat")

    with pytest.raises(CopyConflict, match="closed this position since"):
        decision_retry(intent=intent, actor=copy.account.user)


def test_a_close_before_it_or_of_another_copy_alone_does_not_matter(copy, planned):
    signal(copy, "CLOSE")
    intent = failed(copy)
    signal(copy, "CLOSE", copy=copy, source="stop")

    decision_retry(intent=intent, actor=copy.account.user)

    assert planned == [copy.pk]


def test_a_failed_exit_is_tried_again_however_often_the_leader_closed(copy, planned):
    intent = failed(copy, "CLOSE")
    signal(copy, "CLOSE")

    decision_retry(intent=intent, actor=copy.account.user)

    assert planned == [copy.pk]

"""The list of masters counts what its page shows, and no decision of a month at each request."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisAway

from copytrade.lib.api.paging import Page
from replication.models import CopyIntent, LeaderAccount, Signal
from replication.selectors.masters import ORDERINGS, masters_list
from replication.services.people import HOUSE
from replication.tests.api_kit import statements
from replication.tests.kit import follow
from tests.factories import make_account, make_leader
from traders.models import LeaderStatus, LeadTrader

pytestmark = pytest.mark.django_db
FIRST = Page(50, 0)


def master(**values: Any) -> LeadTrader:
    account = make_account()
    leader = make_leader(platform="house", user=account.user, status=LeaderStatus.APPROVED, **values)
    LeaderAccount.objects.create(account=account, trader=leader)
    return leader


def decided(leader: LeadTrader, *states: str, milliseconds: int = 100, days: int = 0) -> None:
    """Let followers have decided so about a trade, and the venue have answered so fast."""
    at = timezone.now() - timedelta(days=days)
    number = Signal.objects.count()
    signal = Signal.objects.create(
        trader=leader, source="event", source_key=f"test-{number}", action="OPEN", symbol="BTCUSDT", side="LONG",
        quantity=1, event_time=at, detected_at=at,
    )  # fmt: skip
    for state in states:
        CopyIntent.objects.create(
            signal=signal,
            copy=follow(leader, make_account()),
            exits=False,
            state=state,
            detected_at=at,
            acknowledged_at=at + timedelta(milliseconds=milliseconds) if state == "filled" else None,
        )


def listed(ordering: str, page: Page = FIRST) -> list[int]:
    return [view.master_id for view in masters_list(platform=HOUSE, ordering=ordering, page=page)[0]]


@pytest.fixture
def ranked() -> list[int]:
    """Masters with all right and slow, half right and fast, half right and slow, and nothing known."""
    sure, fast, slow, unknown = (master() for _ in range(4))
    decided(sure, "filled", "filled", milliseconds=300)
    decided(fast, "filled", "failed", milliseconds=50)
    decided(slow, "filled", "failed", "skipped", milliseconds=200)
    decided(unknown, "skipped")
    return [sure.pk, fast.pk, slow.pk, unknown.pk]


def test_the_surest_and_the_fastest_come_first_and_the_unknown_last(ranked):
    sure, fast, slow, unknown = ranked
    assert listed("success_rate") == [sure, fast, slow, unknown]
    assert listed("latency") == [fast, slow, sure, unknown]
    assert listed("latency", Page(2, 1)) == [slow, sure]
    assert listed("success_rate", Page(2, 4)) == []


def test_figures_are_those_of_thirty_days(ranked):
    sure = LeadTrader.objects.get(pk=ranked[0])
    decided(sure, "failed", "failed", days=31)
    decided(sure, "failed", days=29)

    view = next(
        view for view in masters_list(platform=HOUSE, ordering="followers", page=FIRST)[0] if view.master_id == sure.pk
    )

    assert (str(view.success_percent), view.latency.count, view.latency.average) == ("66.66", 2, 300.0)


def test_only_masters_on_the_page_are_counted(ranked):
    page = listed("running_days", Page(1, 1))
    assert page == [ranked[1]]
    assert [pk for pk in ranked if cache.get(f"decided:{pk}")] == page


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_statements_do_not_grow_with_masters_and_decisions(ranked, ordering):
    few = statements(lambda: listed(ordering))
    for _ in range(3):
        decided(master(), "filled", "failed")
    cache.clear()
    assert statements(lambda: listed(ordering)) == few <= 4


def test_what_was_counted_is_kept_for_a_while(ranked):
    first = statements(lambda: listed("latency"))
    decided(LeadTrader.objects.get(pk=ranked[3]), "filled", milliseconds=1)

    assert statements(lambda: listed("latency")) == first - 1
    assert listed("latency")[-1] == ranked[3]
    cache.clear()
    assert listed("latency")[0] == ranked[3]


def test_without_redis_they_are_counted_each_time(ranked, monkeypatch):
    def away(*_: Any, **__: Any) -> None:
        raise RedisAway

    monkeypatch.setattr(cache, "get_many", away)
    monkeypatch.setattr(cache, "set_many", away)

    assert listed("latency") == [ranked[1], ranked[2], ranked[0], ranked[3]]


def test_a_master_who_is_paused_meanwhile_is_on_no_page(ranked):
    listed("success_rate")
    LeadTrader.objects.filter(pk=ranked[0]).update(status=LeaderStatus.PAUSED)

    views, total = masters_list(platform=HOUSE, ordering="success_rate", page=FIRST)

    assert [view.master_id for view in views] == ranked[1:]
    assert total == 3

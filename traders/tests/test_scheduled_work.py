"""What happens to leaders by schedule: idle ones age, silent ones are announced as stale."""

import json
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from copytrade.realtime.models import StreamEvent
from tests.factories import make_daily, make_freshness, make_leader
from tests.payloads import LEAD, ago, body, event, iso
from traders.models import Score, SourceFreshness
from traders.services.leaders import leader_lock, staleness_announce
from traders.services.scores import scores_refresh_all

pytestmark = pytest.mark.django_db


def score(window: int) -> Decimal:
    return Score.objects.get(window=window).score


def announcements() -> list[dict[str, object]]:
    return [message for row in StreamEvent.objects.order_by("id") for message in json.loads(row.messages)]


def test_an_idle_leader_ages_out_of_one_window_after_the_other():
    leader = make_leader()
    make_daily(leader, timezone.now().date(), Decimal(100))

    scores_refresh_all(now=timezone.now())
    assert min(score(7), score(30), score(90)) > 50

    scores_refresh_all(now=timezone.now() + timedelta(days=20))
    assert score(7) == 50 < score(30)

    scores_refresh_all(now=timezone.now() + timedelta(days=100))
    assert score(30) == score(90) == 50


def test_a_leader_with_nothing_new_is_scored_again_at_its_first_push_of_a_day(push):
    push(body(events=[event("CLOSE_LONG", realizedPnl=5)]))
    Score.objects.update(score=1, as_of=datetime(2020, 1, 1, tzinfo=UTC).date())

    push(body(events=[event("CLOSE_LONG", realizedPnl=5)]))

    assert score(30) > 50


@pytest.mark.django_db(transaction=True)
def test_scoring_all_waits_for_a_push_that_is_under_way():
    leader, scored = make_leader(), threading.Event()

    def score_all() -> None:
        try:
            scores_refresh_all(now=timezone.now())
        finally:
            scored.set()
            connection.close()

    with transaction.atomic():  # as a push does: its leader is locked, its days are not committed yet
        leader_lock(platform=leader.platform, external_id=leader.external_id, is_demo=False, now=timezone.now())
        make_daily(leader, timezone.now().date(), Decimal(100))
        thread = threading.Thread(target=score_all)
        thread.start()
        assert not scored.wait(0.3)
    thread.join()

    assert score(30) > 50


def test_the_number_of_statements_to_score_all_does_not_grow_with_leaders(django_assert_num_queries):
    for number in range(12):
        make_daily(make_leader(), timezone.now().date() - timedelta(days=number), Decimal(number))
        if number in {0, 11}:
            with django_assert_num_queries(6):
                scores_refresh_all(now=timezone.now())


def test_a_fill_of_a_scraper_that_is_eight_hours_ahead_counts_in_the_score(push):
    ahead = datetime.now(UTC) + timedelta(hours=8)

    push(body(fetched_at=ago(minutes=1), events=[event("CLOSE_LONG", at=ahead, realizedPnl=5)]))

    assert score(7) > 50


def test_a_result_belongs_to_the_day_of_the_closing_fill(push):
    now = datetime.now(UTC)
    push(
        body(
            fetched_at=iso(now),
            events=[
                event("OPEN_LONG", at=now - timedelta(days=8)),
                event("CLOSE_LONG", at=now - timedelta(days=2), realizedPnl=9),
            ],
        )
    )

    assert Score.objects.get(window=7).realized_pnl == 9


def test_a_silent_leader_is_announced_once_and_again_after_it_was_heard(push, settings):
    settings.LEADER_STALE_AFTER_SECONDS = 60
    push(body(fetched_at=ago(minutes=30), positions=[]))
    StreamEvent.objects.all().delete()

    assert [staleness_announce(now=timezone.now()) for _ in range(2)] == [1, 0]
    [told] = announcements()
    assert told["event"] == "trader:statusChange"
    assert told["streams"] == ["all", f"trader:binance:{LEAD}"]

    push(body(fetched_at=ago(minutes=20), positions=[]))
    assert '"stale":false' in "".join(StreamEvent.objects.values_list("messages", flat=True))
    assert staleness_announce(now=timezone.now()) == 1


def test_a_fresh_leader_is_not_announced():
    make_freshness(make_leader(), reported_at=timezone.now())

    assert staleness_announce(now=timezone.now()) == 0
    assert not SourceFreshness.objects.get().announced_stale

"""What reports do to positions, their history and the totals of symbols."""

from datetime import UTC, datetime, timedelta

import pytest

from copytrade.realtime.models import StreamEvent
from tests.payloads import LEAD, body, event, iso, position
from traders.models import LeadTrader, Position, PositionSnapshot, SymbolAggregate

pytestmark = pytest.mark.django_db
T0 = datetime.now(UTC) - timedelta(minutes=30)


def at(minutes: float) -> str:
    return iso(T0 + timedelta(minutes=minutes))


def held() -> set[tuple[str, str, int]]:
    return {(row.symbol, row.side, int(row.size)) for row in Position.objects.all()}


def totals() -> dict[str, tuple[int, int]]:
    return {row.symbol: (row.open_long_count, row.open_short_count) for row in SymbolAggregate.objects.all()}


def changes() -> list[str]:
    return list(PositionSnapshot.objects.order_by("id").values_list("change", flat=True))


def test_a_complete_report_without_a_position_closes_it(push):
    push(body(fetched_at=at(1), positions=[position("BTCUSDT"), position("ETHUSDT", "SHORT", -2)]))

    answer = push(body(fetched_at=at(2), positions=[position("BTCUSDT")])).json()

    assert answer["meta"]["positionsClosed"] == 1
    assert held() == {("BTCUSDT", "LONG", 1)}
    assert totals() == {"BTCUSDT": (1, 0), "ETHUSDT": (0, 0)}


def test_an_empty_complete_report_closes_all(push):
    push(body(fetched_at=at(1), positions=[position("BTCUSDT"), position("ETHUSDT", "SHORT", -2)]))

    push(body(fetched_at=at(2), positions=[]))

    assert held() == set()
    assert totals() == {"BTCUSDT": (0, 0), "ETHUSDT": (0, 0)}


@pytest.mark.parametrize("members", [{}, {"positions": None}, {"events": []}])
def test_a_report_without_a_list_of_positions_closes_nothing(push, members):
    push(body(fetched_at=at(1), positions=[position()]))

    push(body(fetched_at=at(2), **members))

    assert held() == {("BTCUSDT", "LONG", 1)}


def test_sending_the_order_history_again_neither_closes_nor_opens_positions(push):
    fills = [event("CLOSE_LONG", at=T0, amount=0.4), event("OPEN_LONG", at=T0, amount=1)]
    push(body(fetched_at=at(1), positions=[position()], events=fills))

    for minute in (2, 3):
        push(body(fetched_at=at(minute), positions=[position()], events=fills))

    assert changes() == ["opened"]


def test_a_partial_close_leaves_the_rest_open(push):
    push(body(fetched_at=at(1), positions=[position(size=4)]))

    push(body(fetched_at=at(2), positions=[position(size=1)], events=[event("CLOSE_LONG", amount=3)]))

    assert held() == {("BTCUSDT", "LONG", 1)}
    assert changes() == ["opened", "updated"]


def test_a_hedge_holds_both_sides_of_a_symbol(push):
    push(body(fetched_at=at(1), positions=[position(size=2), position(side="SHORT", size=-3)]))

    assert held() == {("BTCUSDT", "LONG", 2), ("BTCUSDT", "SHORT", -3)}
    assert totals() == {"BTCUSDT": (1, 1)}


def test_a_flip_closes_one_side_and_opens_the_other(push):
    push(body(fetched_at=at(1), positions=[position(side="BOTH", size=2)]))

    push(body(fetched_at=at(2), positions=[position(side="BOTH", size=-1)]))

    assert held() == {("BTCUSDT", "SHORT", -1)}
    assert totals() == {"BTCUSDT": (0, 1)}
    assert sorted(changes()) == ["closed", "opened", "opened"]


def test_history_grows_only_when_the_leader_did_something(push):
    push(body(fetched_at=at(1), positions=[position(markPrice=100, pnlUSDT=0)]))
    push(body(fetched_at=at(2), positions=[position(markPrice=100, pnlUSDT=0)]))
    push(body(fetched_at=at(3), positions=[position(markPrice=105, pnlUSDT=5)]))

    assert changes() == ["opened"]
    assert Position.objects.get().mark_price == 105


def test_a_late_older_scrape_changes_no_position(push, read):
    push(body(fetched_at=at(2), positions=[position(size=2)]))

    answer = push(body(fetched_at=at(1), positions=[position("ETHUSDT")], events=[event()])).json()

    assert held() == {("BTCUSDT", "LONG", 2)}
    assert answer["data"]["eventsInserted"] == 1
    assert read(f"/traders/{LEAD}")["data"]["lastReportAt"] == at(2)


def test_an_older_scrape_with_nothing_new_says_that_it_is_outdated(push):
    push(body(fetched_at=at(2), positions=[position(size=2)]))

    assert push(body(fetched_at=at(1), positions=[])).json()["meta"]["outcome"] == "outdated"


def test_a_clock_that_was_ahead_does_not_silence_a_leader(push):
    push(body(fetched_at=iso(datetime.now(UTC) + timedelta(hours=8)), positions=[position(size=2)]))

    push(body(fetched_at=at(0), positions=[position(size=3)]))

    assert held() == {("BTCUSDT", "LONG", 3)}


def test_reports_of_a_clock_that_is_ahead_follow_each_other_in_their_order(push):
    ahead = datetime.now(UTC) + timedelta(hours=8)
    push(body(fetched_at=iso(ahead), positions=[position(size=2)]))
    push(body(fetched_at=iso(ahead - timedelta(minutes=1)), positions=[position(size=9)]))

    assert held() == {("BTCUSDT", "LONG", 2)}


def test_a_position_that_is_opened_again_is_another_one(push):
    push(body(fetched_at=at(1), positions=[position()]))
    push(body(fetched_at=at(2), positions=[]))
    push(body(fetched_at=at(3), positions=[position()]))

    assert changes() == ["opened", "closed", "opened"]
    assert PositionSnapshot.objects.values("position_id").distinct().count() == 2


def test_a_stale_leader_keeps_its_positions_and_is_shown_as_stale(push, read, settings):
    push(body(fetched_at=at(1), positions=[position()]))
    settings.LEADER_STALE_AFTER_SECONDS = 60

    positions = read(f"/traders/{LEAD}/positions")

    assert (positions["meta"]["positionCount"], positions["meta"]["stale"]) == (1, True)
    assert read(f"/traders/{LEAD}")["data"]["stale"] is True
    assert read("/traders/top")["data"][0]["stale"] is True


def test_the_history_tells_opening_change_and_close(push, read):
    push(body(fetched_at=at(1), positions=[position(size=4)]))
    push(body(fetched_at=at(2), positions=[position(size=6)]))
    push(body(fetched_at=at(3), positions=[]))

    history = read(f"/traders/{LEAD}/history")["data"]

    assert [(row["change"], row["size"]) for row in history] == [("closed", 0), ("updated", 6), ("opened", 4)]


def test_positions_that_come_after_newer_fills_still_follow_each_other_in_their_order(push, read):
    push(body(fetched_at=at(9), events=[event()]))
    push(body(fetched_at=at(5), positions=[position("BTCUSDT")]))
    push(body(fetched_at=at(4), positions=[position("ETHUSDT")]))

    assert held() == {("BTCUSDT", "LONG", 1)}
    assert read(f"/traders/{LEAD}/positions")["meta"]["fetchedAt"] == at(5)
    assert read(f"/traders/{LEAD}")["data"]["lastReportAt"] == at(9)


def test_nobody_is_told_of_a_blocked_leader(push):
    push(body(fetched_at=at(1), positions=[]))
    LeadTrader.objects.update(status="blocked")
    StreamEvent.objects.all().delete()

    push(body(fetched_at=at(2), positions=[position()], events=[event()]))

    assert LEAD not in "".join(StreamEvent.objects.values_list("messages", flat=True))

"""The reads: fields, filters, paging, order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.factories import make_event, make_freshness, make_leader, make_position, make_score
from traders.models import SymbolAggregate

pytestmark = pytest.mark.django_db


def make_symbol(symbol: str, longs: int = 0, shorts: int = 0, platform: str = "binance") -> SymbolAggregate:
    return SymbolAggregate.objects.create(
        platform=platform, symbol=symbol, open_long_count=longs, open_short_count=shorts
    )


def test_symbols_come_with_most_open_positions_first(read):
    make_symbol("AUSDT", 1, 1)
    make_symbol("BUSDT", 0, 5)
    make_symbol("CUSDT", 2, 0)
    make_symbol("DUSDT", 9, 9, platform="house")

    answer = read("/symbols?limit=2")

    assert [row["symbol"] for row in answer["data"]] == ["BUSDT", "AUSDT"]
    assert answer["data"][0] == {
        "symbol": "BUSDT",
        "openLongCount": 0,
        "openShortCount": 5,
        "totalOpen": 5,
        "latestEventAt": None,
    }
    assert answer["meta"] == {"total": 3, "limit": 2, "offset": 0}
    assert [row["symbol"] for row in read("/symbols?limit=2&offset=2")["data"]] == ["CUSDT"]


def test_a_known_symbol_without_fills_is_an_empty_feed_and_an_unknown_one_is_404(read, client):
    make_symbol("AUSDT", 1)

    assert read("/symbols/ausdt/feed")["data"] == []
    missing = client.get("/symbols/ZZZUSDT/feed")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_the_feed_pages_by_cursor_without_gap_or_double_even_among_equal_times(read):
    leader, now = make_leader(), timezone.now()
    make_symbol("BTCUSDT")
    for number in range(7):
        make_event(leader, amount=Decimal(number + 1), event_time=now - timedelta(seconds=number // 3))

    seen, cursor = [], ""
    while True:
        answer = read(f"/symbols/BTCUSDT/feed?limit=2{cursor}")
        seen += [row["amount"] for row in answer["data"]]
        if answer["meta"]["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['meta']['next_cursor']}"

    assert sorted(seen) == [1, 2, 3, 4, 5, 6, 7]
    assert seen == [row["amount"] for row in read("/symbols/BTCUSDT/feed")["data"]]


def test_the_ranking_obeys_its_range_and_breaks_ties_by_id(read):
    bob, ada = make_leader(external_id="b"), make_leader(external_id="a")
    for leader, week, month in ((ada, 10, 90), (bob, 20, 90)):
        make_score(leader, window=7, score=Decimal(week))
        make_score(leader, window=30, score=Decimal(month))

    assert [row["leadId"] for row in read("/traders/top?range=7d")["data"]] == ["b", "a"]
    month = read("/traders/top")
    assert [(row["leadId"], row["score30d"], row["score7d"]) for row in month["data"]] == [("a", 90, 10), ("b", 90, 20)]
    assert month["meta"] == {"total": 2, "limit": 50, "offset": 0}


def test_a_blocked_leader_is_nowhere(read, client):
    blocked = make_leader(status="blocked")
    make_score(blocked)
    make_event(blocked)
    make_symbol("BTCUSDT")

    assert read("/traders/top")["data"] == []
    assert read("/symbols/BTCUSDT/feed")["data"] == []
    assert client.get(f"/traders/{blocked.external_id}").status_code == 404


def test_a_leader_shows_scores_and_freshness(read):
    leader = make_leader()
    make_score(leader, window=30, score=Decimal("54.50"))
    make_freshness(leader, reported_at=datetime(2026, 2, 5, 0, 5, tzinfo=UTC))

    data = read(f"/traders/{leader.external_id}")["data"]

    assert (data["leadId"], data["platform"], data["score30d"], data["stale"]) == (
        leader.external_id,
        "binance",
        54.5,
        True,
    )
    assert data["lastReportAt"] == "2026-02-05T00:05:00.000Z"
    assert {"createdAt", "updatedAt"} <= data.keys()


def test_a_leader_of_whom_nothing_was_heard_is_stale_and_not_flat(read):
    leader = make_leader()

    positions = read(f"/traders/{leader.external_id}/positions")

    assert positions["meta"] == {
        "leadId": leader.external_id,
        "positionCount": 0,
        "fetchedAt": None,
        "stale": True,
        "positionsVisible": True,
    }


def test_events_can_be_narrowed_to_a_symbol_and_a_kind(read):
    leader = make_leader()
    make_event(leader, symbol="BTCUSDT", kind="OPEN_LONG")
    make_event(leader, symbol="BTCUSDT", kind="CLOSE_LONG", realized_pnl=Decimal("-1.50"))
    make_event(leader, symbol="ETHUSDT")
    path = f"/traders/{leader.external_id}/events"

    assert len(read(path)["data"]) == 3
    assert len(read(f"{path}?symbol=btcusdt")["data"]) == 2
    assert [row["realizedPnl"] for row in read(f"{path}?symbol=BTCUSDT&eventType=CLOSE_LONG")["data"]] == [-1.5]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=²", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("range=31d", "range"),
        ("platform=Bin ance", "platform"),
        ("platform=a%00", "platform"),
    ],
)
def test_a_wrong_parameter_is_named(client, query, path):
    response = client.get(f"/traders/top?{query}")

    assert response.status_code == 400
    assert response.json()["error"]["details"]["errors"][0]["path"] == path


@pytest.mark.parametrize("path", ["/traders/%00", "/traders/x%00/events", "/symbols/%00/feed"])
def test_a_name_that_nothing_can_have_is_404(client, path):
    assert client.get(path).status_code == 404


def test_options_is_answered_with_the_envelope(client):
    assert client.options("/symbols").json()["error"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("cursor", ["", "x", "MjAyNnwx", "////", "2026%00"])
def test_a_wrong_cursor_is_named(client, cursor):
    make_symbol("BTCUSDT")

    response = client.get(f"/symbols/BTCUSDT/feed?cursor={cursor}")

    assert response.json()["error"]["details"]["errors"][0]["path"] == "cursor"


@pytest.mark.parametrize(
    "path", ["/symbols", "/symbols/BTCUSDT/feed", "/traders/top", "/traders/{id}/positions", "/traders/{id}/events"]
)
def test_the_number_of_statements_does_not_grow_with_rows(client, path, django_assert_num_queries):
    def grow(count: int) -> str:
        leaders = [make_leader() for _ in range(count)]
        for leader in leaders:
            make_freshness(leader)
            make_position(leader)
            for window in (7, 30, 90):
                make_score(leader, window=window)
            make_event(leader)
            make_symbol(f"S{leader.pk}USDT", 1)
        return str(path.format(id=leaders[-1].external_id))

    make_symbol("BTCUSDT")
    few = grow(1)
    client.get(few)  # what is cached for good is cached now
    with django_assert_num_queries(STATEMENTS[path]):
        client.get(few)
    many = grow(12)
    with django_assert_num_queries(STATEMENTS[path]):
        client.get(many)


STATEMENTS = {
    "/symbols": 2,
    "/symbols/BTCUSDT/feed": 2,
    "/traders/top": 4,
    "/traders/{id}/positions": 4,
    "/traders/{id}/events": 4,
}

"""The home page shows everything, of leaders that are public, in a constant number of statements."""

# ruff: noqa: RUF001 - the minus and the dash are those that pages show

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import make_daily, make_event, make_freshness, make_leader, make_position, make_score
from traders.models import LeadTrader, SymbolAggregate

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html"}


def make_active_leader(**values: Any) -> LeadTrader:
    leader = make_leader(**values)
    make_score(leader)
    make_freshness(leader)
    make_daily(leader, timezone.now().date(), "12.5")
    make_event(leader)
    make_position(leader)
    return leader


def get(client: Client, path: str = "/") -> str:
    response = client.get(path, headers=HTML)
    assert response.status_code == 200, response.content
    return response.content.decode()


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_tells_how_to_push_while_there_is_no_leader(client: Client):
    page = get(client)
    assert "No leader yet" in page
    assert "curl -X POST http://testserver/ingest/binance-copytrade" in page
    assert 'href="/docs"' in page


def test_shows_the_leader_its_figures_and_its_fills(client: Client):
    leader = make_active_leader(nickname="Halcyon Basis", is_demo=True)
    make_event(leader, kind="CLOSE_SHORT", symbol="ETHUSDT", realized_pnl=Decimal("-1512.5"))
    page = get(client)
    assert f'href="/leaders/binance/{leader.external_id}/"' in page
    for shown in ("Halcyon Basis", "72.50", "+1,234.56", "62.5%", "210.40", "Demo", "Close short", "−1,512.50"):
        assert shown in page
    assert "No leader yet" not in page


def test_shows_the_best_leader_first(client: Client):
    for name, score in (("Second", 60), ("First", 80), ("Third", 40)):
        make_score(make_leader(nickname=name), score=score)
    page = get(client)
    assert page.index("First") < page.index("Second") < page.index("Third")


def test_counts_stale_leaders_and_marks_them(client: Client):
    make_active_leader()
    silent = make_active_leader(nickname="Silent")
    long_ago = timezone.now() - timedelta(hours=2)
    silent.sources.update(reported_at=long_ago, received_at=long_ago)
    page = get(client, "/?fragment=overview")
    assert '<dd class="num warn">1</dd>' in page
    assert get(client, "/?fragment=leaders").count("Nothing was heard for a while") == 1


def test_a_clock_that_is_ahead_keeps_no_leader_fresh(client: Client):
    now = timezone.now()
    make_freshness(make_leader(), reported_at=now + timedelta(days=1), received_at=now - timedelta(hours=2))
    assert '<dd class="num warn">1</dd>' in get(client, "/?fragment=overview")


def test_draws_long_and_short_sides_of_symbols(client: Client):
    SymbolAggregate.objects.create(platform="binance", symbol="BTCUSDT", open_long_count=3, open_short_count=1)
    SymbolAggregate.objects.create(platform="binance", symbol="GONEUSDT")
    page = get(client, "/?fragment=symbols")
    assert "BTCUSDT" in page
    assert "GONEUSDT" not in page
    assert 'width="50.0%"' in page


def test_shows_nothing_of_blocked_leaders(client: Client):
    make_active_leader(nickname="Blocked One", status="blocked")
    page = get(client)
    assert "Blocked One" not in page
    assert "No fill yet." in page


def test_escapes_what_sources_send(client: Client):
    make_active_leader(nickname='<script>alert("x")</script>')
    page = get(client)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_fragment_is_the_part_alone(client: Client):
    make_active_leader()
    fills = get(client, "/?fragment=fills")
    assert "<html" not in fills
    assert 'class="feed"' in fills


def test_an_unknown_fragment_is_not_found(client: Client):
    assert client.get("/?fragment=secrets", headers=HTML).status_code == 404


def test_takes_as_many_statements_for_one_leader_as_for_twenty(client: Client):
    make_active_leader()
    with_one = statements(lambda: get(client))
    for _ in range(19):
        make_active_leader()
    assert statements(lambda: get(client)) == with_one
    assert with_one <= 12


def test_the_page_knows_up_to_which_message_it_is(client: Client):
    assert 'data-live="all" data-seq="0"' in get(client)


def test_only_reading_is_possible(client: Client):
    assert client.post("/", headers=HTML).status_code == 405


def test_the_chosen_theme_is_the_pages_scheme(client: Client):
    assert '<meta name="color-scheme" content="light dark">' in get(client)
    client.cookies["theme"] = "dark"
    assert '<meta name="color-scheme" content="dark">' in get(client)
    client.cookies["theme"] = '"><script>'
    assert '<meta name="color-scheme" content="light dark">' in get(client)


class TestRanking:
    def test_ranks_by_the_chosen_range(self, client: Client):
        leader, other = make_leader(nickname="Weekly"), make_leader(nickname="Monthly")
        make_score(leader, window=7, score=90)
        make_score(leader, window=30, score=10)
        make_score(other, window=7, score=20)
        make_score(other, window=30, score=80)
        week, month = get(client, "/leaders/?range=7d"), get(client, "/leaders")
        assert week.index("Weekly") < week.index("Monthly")
        assert month.index("Monthly") < month.index("Weekly")

    def test_pages_by_offset(self, client: Client):
        for number in range(51):
            make_score(make_leader(nickname=f"Number {number:02}"), score=99 - number)
        first, second = get(client, "/leaders/"), get(client, "/leaders/?offset=50")
        assert "Number 49" in first
        assert "Number 50" not in first
        assert "?offset=50" in first
        assert "Number 50" in second
        assert "?offset=0" in second

    @pytest.mark.parametrize("query", ["range=1d", "range=", "offset=-1", "offset=x"])
    def test_refuses_what_makes_no_sense(self, client: Client, query: str):
        response = client.get(f"/leaders/?{query}", headers=HTML)
        assert response.status_code == 400
        assert "That address makes no sense" in response.content.decode()

    def test_takes_as_many_statements_for_one_leader_as_for_twenty(self, client: Client):
        make_active_leader()
        with_one = statements(lambda: get(client, "/leaders/"))
        for _ in range(19):
            make_active_leader()
        assert statements(lambda: get(client, "/leaders/")) == with_one

"""A leader's page: results, positions and how old they are, fills and history."""

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

from tests.factories import (
    make_daily,
    make_event,
    make_freshness,
    make_leader,
    make_position,
    make_score,
    make_snapshot,
)
from traders.models import LeadTrader

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html"}


@pytest.fixture
def leader() -> LeadTrader:
    return make_leader(external_id="42", nickname="Halcyon Basis", status="approved", staff_note="Low leverage.")


def get(client: Client, path: str = "/leaders/binance/42/") -> str:
    response = client.get(path, headers=HTML)
    assert response.status_code == 200, response.content
    return response.content.decode()


def part(client: Client, name: str) -> str:
    return get(client, f"/leaders/binance/42/?fragment={name}")


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_names_the_leader_and_what_staff_say(client: Client, leader: LeadTrader):
    page = get(client)
    for shown in ("Halcyon Basis", "Approved", "Low leverage.", "<title>Halcyon Basis · CopyTrade</title>"):
        assert shown in page
    assert 'data-live="trader" data-platform="binance" data-trader="42"' in page


def test_the_slash_at_the_end_may_lack(client: Client, leader: LeadTrader):
    assert "Halcyon Basis" in get(client, "/leaders/binance/42")


def test_shows_all_windows_and_what_cannot_be_computed(client: Client, leader: LeadTrader):
    make_score(leader, window=7, score="61.20", win_rate=None, max_drawdown=None, closed_trades=0, realized_pnl=0)
    make_score(leader, window=30, realized_pnl=Decimal("-454.346"))
    results = part(client, "results")
    for shown in ("72.50", "7 days", "61.20", "−454.35", "62.5%", "–"):
        assert shown in results


def test_without_a_score_every_figure_is_missing(client: Client, leader: LeadTrader):
    assert part(client, "results").count("–") >= 5


def test_draws_the_curve_and_lists_its_days(client: Client, leader: LeadTrader):
    today = timezone.now().date()
    make_daily(leader, today - timedelta(days=3), "1200")
    make_daily(leader, today, "-200.5")
    results = part(client, "results")
    assert "ends at +999.50, lowest 0.00, highest +1,200.00" in results
    assert results.count('<rect class="bar') == 2
    assert "−200.50" in results


def test_shows_signed_positions_with_units(client: Client, leader: LeadTrader):
    make_freshness(leader)
    make_position(leader)
    make_position(leader, symbol="ETHUSDT", side="SHORT", size=Decimal("-1234.5"), size_asset="ETH", pnl_usdt=-9)
    positions = part(client, "positions")
    for shown in ("+0.42", "BTC", "86,232.48", "86,590.10", "10×", "+150.20", "−1,234.5", "−9.00", "Short"):
        assert shown in positions
    assert "stale-bar" not in positions


def test_old_positions_stay_visible_under_a_warning(client: Client, leader: LeadTrader):
    make_freshness(leader, positions_at=timezone.now() - timedelta(minutes=48))
    make_position(leader)
    positions = part(client, "positions")
    assert "Last complete report" in positions
    assert "48 min ago" in positions
    assert "These positions may have changed since." in positions
    assert "dimmed" in positions
    assert "86,232.48" in positions


def test_a_fresh_report_without_positions_is_flat(client: Client, leader: LeadTrader):
    make_freshness(leader)
    assert "Flat" in part(client, "positions")


def test_hidden_positions_are_not_flat(client: Client, leader: LeadTrader):
    LeadTrader.objects.update(positions_visible=False)
    make_freshness(leader)
    positions = part(client, "positions")
    assert "This leader hides positions" in positions
    assert "Flat" not in positions


def test_unknown_positions_are_not_flat(client: Client, leader: LeadTrader):
    make_freshness(leader, positions_at=None)
    positions = part(client, "positions")
    assert "No complete list of positions yet" in positions
    assert "Flat" not in positions


def test_lists_the_newest_sixty_fills(client: Client, leader: LeadTrader):
    for number in range(61):
        make_event(leader, symbol=f"S{number:02}USDT", event_time=timezone.now() - timedelta(minutes=number))
    fills = part(client, "fills")
    assert "S59USDT" in fills
    assert "S60USDT" not in fills
    assert fills.index("S00USDT") < fills.index("S01USDT")


def test_history_goes_back_by_a_link_without_gap_or_repetition(client: Client, leader: LeadTrader):
    for number in range(30):
        make_snapshot(leader, symbol=f"S{number:02}USDT", fetched_at=timezone.now() - timedelta(minutes=number))
    first = part(client, "history")
    assert "S24USDT" in first
    assert "S25USDT" not in first
    cursor = first.partition("?cursor=")[2].partition("#")[0]
    second = get(client, f"/leaders/binance/42/?fragment=history&cursor={cursor}")
    assert "S25USDT" in second
    assert "S24USDT" not in second
    assert "Newest" in second
    assert "cursor=" not in second


def test_an_older_page_of_history_does_not_move(client: Client, leader: LeadTrader):
    make_snapshot(leader)
    page = get(client)
    assert 'data-fragment="history" data-events="position:opened' in " ".join(page.split())
    older = get(client, "/leaders/binance/42/?cursor=MjAyNi0wMS0wMVQwMDowMDowMCswMDowMHwx")
    assert 'data-fragment="history" data-events' not in " ".join(older.split())


@pytest.mark.parametrize("path", ["binance/43/", "okx/42/", "binance/%00/", "binance/../42/", "binance/4/2/"])
def test_an_unknown_leader_is_not_found(client: Client, leader: LeadTrader, path: str):
    response = client.get(f"/leaders/{path}", headers=HTML)
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.parametrize("query", ["range=2d", "cursor=nonsense", "cursor="])
def test_refuses_what_makes_no_sense(client: Client, leader: LeadTrader, query: str):
    assert client.get(f"/leaders/binance/42/?{query}", headers=HTML).status_code == 400


def test_a_blocked_leader_is_not_public(client: Client, leader: LeadTrader):
    LeadTrader.objects.update(status="blocked")
    for query in ("", "?fragment=positions"):
        assert client.get(f"/leaders/binance/42/{query}", headers=HTML).status_code == 404


def test_takes_as_many_statements_for_one_row_as_for_twenty(client: Client, leader: LeadTrader):
    def add(number: int) -> None:
        make_event(leader)
        make_position(leader, symbol=f"S{number}USDT")
        make_snapshot(leader)
        make_daily(leader, timezone.now().date() - timedelta(days=number), 1)

    make_freshness(leader)
    make_score(leader)
    add(0)
    with_one = statements(lambda: get(client))
    for number in range(1, 20):
        add(number)
    assert statements(lambda: get(client)) == with_one
    assert with_one <= 9

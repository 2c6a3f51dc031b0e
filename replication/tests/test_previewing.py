"""What a copy would have done with the leader's last trades, before anybody has begun it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from copytrade.realtime.models import StreamEvent
from orders.models import Order, TradingAccount
from replication.models import Copy, CopyIntent, Signal
from replication.tests.api_kit import as_user, paths, post, statements
from replication.tests.kit import D, make_master, paper_account, price_is, trade
from tests.factories import make_event, make_freshness, make_leader, make_market, make_position, make_user
from traders.models import LeaderStatus

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _market():
    make_market()


@pytest.fixture
def client():
    return as_user(paper_account(balance=10_000).user)


def watched(*trades: tuple[str, str, str], symbol: str = "BTCUSDT", **values: Any) -> Any:
    """Return a watched leader who hides positions and made these trades (kind, amount, price), a minute apart."""
    leader = make_leader(status=LeaderStatus.APPROVED, positions_visible=False, **values)
    begun = timezone.now() - timedelta(days=1)
    for number, (kind, amount, price) in enumerate(trades):
        time = begun + timedelta(minutes=number)
        make_event(leader, kind=kind, amount=D(amount), price=D(price), event_time=time, symbol=symbol)
    return leader


def preview(client: Any, leader: Any, **body: Any) -> Any:
    return post(client, "copies/preview", {"trader_id": leader.pk, "ratio": "1", **body})["data"]


def test_each_trade_is_decided_about_and_results_are_at_the_leaders_prices(client):
    leader = watched(("OPEN_LONG", "0.1", "50000"), ("CLOSE_LONG", "0.05", "51000"), ("OPEN_LONG", "0.02", "52000"))
    found = preview(client, leader, ratio="0.5")
    rows = [(row["action"], row["state"], row["quantity"], row["realized_pnl"]) for row in found["trades"]]
    assert rows == [
        ("OPEN", "planned", "0.05", "0"),
        ("REDUCE", "planned", "0.025", "25"),
        ("INCREASE", "planned", "0.01", "0"),
    ]
    assert found["results"] == [{"asset": "USDT", "realized_pnl": "25", "unrealized_pnl": "50", "total_pnl": "75"}]
    assert (found["count"], found["copied"], found["skipped"], found["capped"]) == (3, 3, 0, 0)


def test_limits_cut_and_skip_as_they_would_have(client):
    leader = watched(("OPEN_LONG", "0.1", "50000"), ("OPEN_LONG", "0.1", "50000"), ("CLOSE_LONG", "0.2", "40000"))
    found = preview(client, leader, max_order="1000", max_symbol="1000", max_daily_loss="10")
    assert [(row["state"], row["code"]) for row in found["trades"]] == [
        ("planned", None),
        ("skipped", "MAX_SYMBOL"),
        ("planned", None),
    ]
    assert found["trades"][0]["capped"] == [{"code": "MAX_ORDER", "from": "0.1", "to": "0.02", "limit": "1000"}]
    assert (found["capped"], found["skipped_by_code"]) == (1, {"MAX_SYMBOL": 1})
    assert found["results"][0]["realized_pnl"] == "-200"


def test_a_loss_of_the_day_stops_what_follows_on_it(client):
    leader = watched(
        ("OPEN_LONG", "0.1", "50000"), ("CLOSE_LONG", "0.1", "40000"), ("OPEN_LONG", "0.1", "40000"), symbol="BTCUSDT"
    )
    codes = [row["code"] for row in preview(client, leader, max_daily_loss="100")["trades"]]
    midnight_between = leader.events.dates("event_time", "day").count() > 1
    assert codes == [None, None, None if midnight_between else "DAILY_LOSS"]


def test_only_the_last_twenty_trades_count_and_an_exit_without_its_entry_has_nothing_to_close(client):
    trades = [("OPEN_LONG", "0.1", "50000")] * 5 + [("CLOSE_LONG", "0.01", "50000")] * 20
    found = preview(client, watched(*trades))
    assert (found["count"], found["skipped_by_code"]) == (20, {"NOTHING_HELD": 20})


def test_the_positions_that_a_leader_shows_tell_which_part_an_exit_closed(client):
    leader = make_leader(status=LeaderStatus.APPROVED)
    make_event(leader, kind="CLOSE_LONG", amount=D("0.1"), price=D(50_000))
    make_position(leader, size=D("0.3"))
    make_freshness(leader)
    assert preview(client, leader)["trades"][0]["fraction"] == "0.25"


def test_what_the_follower_cannot_trade_is_told(client):
    found = preview(client, watched(("OPEN_LONG", "5", "1"), symbol="NOWHEREUSDT"))
    assert [(row["symbol"], row["code"]) for row in found["trades"]] == [(None, "SYMBOL_UNMAPPED")]
    assert found["results"] == []


def test_an_inverted_copy_wins_where_the_leader_loses(client):
    leader = watched(("OPEN_LONG", "0.1", "50000"), ("CLOSE_LONG", "0.1", "49000"))
    found = preview(client, leader, inverted=True)
    assert [row["side"] for row in found["trades"]] == ["SHORT", "SHORT"]
    assert found["results"][0]["realized_pnl"] == "100"


def test_a_masters_own_trades_are_read_from_the_account_that_leads(client):
    price_is()
    leader, account = make_master()
    trade(account, "BUY", "0.1")
    trade(account, "SELL", "0.3")
    found = preview(client, leader)
    assert [(row["action"], row["leader_side"], row["quantity"]) for row in found["trades"]] == [
        ("OPEN", "LONG", "0.1"),
        ("CLOSE", "LONG", "0.1"),
        ("OPEN", "SHORT", "0.2"),
    ]


def test_funds_are_those_given_else_allocated_else_the_accounts(client):
    leader = watched(("OPEN_LONG", "0.1", "50000"))
    terms = {"strategy": "PERCENTAGE", "percentage": "100"}
    assert preview(client, leader, **terms, funds="500", allocated="900")["funds"] == "500"
    assert preview(client, leader, **terms, allocated="900")["funds"] == "900"
    assert preview(client, leader, **terms, allocated="900000")["funds"] == "10000"  # and no copy has more
    whole = preview(client, leader, **terms)
    assert (whole["funds"], whole["trades"][0]["quantity"]) == ("10000", "0.2")
    nobody = as_user(make_user())
    opened = preview(nobody, leader)
    assert (opened["account_id"], opened["funds"], opened["venue"]) == (None, "10000", "binanceusdm")


def test_on_inverse_contracts_the_funds_and_the_result_are_coins():
    make_market(venue="binancecoinm")
    account = paper_account(venue="binancecoinm", balance=1)
    leader = watched(("OPEN_LONG", "0.1", "50000"), ("CLOSE_LONG", "0.1", "40000"))
    terms = {"account_id": account.pk, "strategy": "PERCENTAGE", "percentage": "10"}
    found = preview(as_user(account.user), leader, **terms)
    assert (found["funds"], found["trades"][0]["symbol"]) == ("1", "BTCUSD_PERP")
    assert [row["quantity"] for row in found["trades"]] == ["50", "50"]
    assert (found["results"][0]["asset"], found["results"][0]["realized_pnl"]) == ("BTC", "-0.025")


def test_a_leader_without_trades_has_an_empty_answer(client):
    found = preview(client, make_leader(status=LeaderStatus.APPROVED))
    assert (found["trades"], found["count"], found["results"]) == ([], 0, [])


def test_nothing_is_stored(client):
    accounts = TradingAccount.objects.count()
    preview(client, watched(("OPEN_LONG", "0.1", "50000")))
    assert TradingAccount.objects.count() == accounts
    for model in (Copy, CopyIntent, Signal, Order, StreamEvent):
        assert not model.objects.exists(), model


def test_wrong_settings_and_unknown_leaders_and_accounts_are_refused(client):
    leader = watched()
    assert paths(post(client, "copies/preview", {"trader_id": leader.pk}, status=400)) == {"ratio"}
    post(client, "copies/preview", {"trader_id": 10**9, "ratio": "1"}, status=404)
    body = {"trader_id": leader.pk, "ratio": "1", "account_id": paper_account().pk}
    post(client, "copies/preview", body, status=404)


def test_statements_do_not_grow_with_trades_and_symbols(client):
    one = watched(("OPEN_LONG", "0.1", "50000"))
    many = watched(*[("OPEN_LONG", "0.1", "50000")] * 15)
    for number in range(10):
        make_event(many, symbol=f"COIN{number}USDT", amount_asset=f"COIN{number}")
    few = statements(lambda: preview(client, one))
    assert statements(lambda: preview(client, many)) == few


@pytest.mark.parametrize("ratio", ["0.1", "1", "7.77"])
def test_what_is_opened_and_closed_again_realises_what_the_leader_did_times_the_ratio(client, ratio):
    leader = watched(("OPEN_SHORT", "0.5", "50000"), ("CLOSE_SHORT", "0.2", "49000"), ("CLOSE_SHORT", "0.3", "48000"))
    found = preview(client, leader, ratio=ratio, funds="100000000")
    steps = [D(row["quantity"]) for row in found["trades"]]
    assert steps[0] == steps[1] + steps[2]
    expected = steps[1] * 1000 + steps[2] * 2000
    assert D(found["results"][0]["realized_pnl"]) == expected
    assert D(found["results"][0]["unrealized_pnl"]) == 0

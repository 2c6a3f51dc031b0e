"""The figures of masters and followers, counted by the database in as many statements whatever there is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Order, TradingAccount
from replication.models import Copy, CopyDay, CopyIntent
from replication.selectors.statistics import outcomes_of, percent
from replication.tests.callers import get, statements
from replication.tests.kit import D, follow, lead, make_master, paper_account, price_is
from tests.factories import make_account, make_order, make_user

SUMMARY = "/api/orders/stats/summary"


@pytest.fixture
def _prices(transactional_db):
    price_is()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_prices")
class TestMasters:
    def test_a_master_sees_what_became_of_the_orders(self):
        leader, account = make_master()
        for _ in range(3):
            follow(leader)
        follow(leader, denied_symbols=("BTCUSDT",))
        lead(account, "BUY", "0.1")
        lead(account, "SELL", "0.1")

        figures = get(account.user, SUMMARY)["data"]

        assert (
            figures.items()
            >= {
                "period": "all",
                "total_orders": 2,
                "executed": 2,
                "failed": 0,
                "success_rate": "100",
                "followers": 4,
                "replicated_orders": 8,
                "successful_replications": 6,
                "failed_replications": 0,
            }.items()
        )
        replication = figures["master"]["replication"]
        assert (figures["master"]["master_id"], figures["master"]["total_orders"]) == (leader.pk, 2)
        assert (replication["filled"], replication["skipped"], replication["pending"]) == (6, 2, 0)
        assert replication["skipped_by_code"] == {"SYMBOL_DENIED": 1, "NOTHING_HELD": 1}
        assert replication["success_rate"] == "100"

    def test_latencies_are_percentiles_of_what_was_acknowledged(self):
        leader, account = make_master()
        for _ in range(4):
            follow(leader)
        lead(account, "BUY", "0.1")
        for number, intent in enumerate(CopyIntent.objects.order_by("pk"), start=1):
            late = intent.detected_at + timedelta(milliseconds=100 * number)
            CopyIntent.objects.filter(pk=intent.pk).update(acknowledged_at=late if number < 4 else None)

        latency = get(account.user, SUMMARY)["data"]["master"]["replication"]["latency"]

        assert latency == {"count": 3, "average_ms": 200.0, "p50_ms": 200.0, "p95_ms": 290.0, "p99_ms": 298.0}

    def test_failures_lower_the_rate(self):
        leader, account = make_master()
        for _ in range(4):
            follow(leader)
        lead(account, "BUY", "0.1")
        intent = CopyIntent.objects.latest("pk")
        CopyIntent.objects.filter(pk=intent.pk).update(state="failed", code="INSUFFICIENT_MARGIN")
        replication = get(account.user, SUMMARY)["data"]["master"]["replication"]
        assert (replication["success_rate"], replication["failed_by_code"]) == ("75", {"INSUFFICIENT_MARGIN": 1})

    def test_only_the_asked_period_counts(self):
        leader, account = make_master()
        follow(leader)
        lead(account, "BUY", "0.1")
        long_ago = timezone.now() - timedelta(days=8)
        Order.objects.update(created_at=long_ago)
        leader.signals.update(detected_at=long_ago)
        figures = get(account.user, f"{SUMMARY}?period=7d")["data"]
        assert (figures["period"], figures["total_orders"], figures["replicated_orders"]) == ("7d", 0, 0)
        assert get(account.user, f"{SUMMARY}?period=30d")["data"]["replicated_orders"] == 1
        assert figures["followers"] == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_prices")
class TestFollowers:
    def test_a_follower_sees_each_leader_and_the_totals(self):
        good, good_account = make_master()
        dull, dull_account = make_master()
        user = paper_account().user
        first = follow(good, user.trading_accounts.get())
        follow(dull, paper_account(user), denied_symbols=("BTCUSDT",))
        lead(good_account, "BUY", "0.1")
        lead(dull_account, "BUY", "0.1")

        figures = get(user, SUMMARY)["data"]

        assert figures["master"] is None
        assert (figures["total_orders"], figures["copied_orders"]) == (1, 1)
        by_leader = {row["master_id"]: row for row in figures["following"]["masters"]}
        assert by_leader.keys() == {good.pk, dull.pk}
        row = by_leader[good.pk]
        assert (row["copied"], row["skipped"], row["failed"], row["success_rate"]) == (1, 0, 0, "100")
        assert row["latency"]["count"] == 1
        assert D(row["assets"][0]["fees"]) == CopyDay.objects.get(copy=first).fees > 0
        assert row["slippage_percent"] is not None
        assert (by_leader[dull.pk]["skipped"], by_leader[dull.pk]["success_rate"]) == (1, None)
        totals = figures["following"]["totals"]
        assert (totals["copied"], totals["skipped"], totals["assets"]) == (1, 1, row["assets"])
        assert totals["latency"] == row["latency"]

    def test_results_are_those_of_the_days_of_the_period(self):
        leader, _ = make_master()
        copy = follow(leader)
        today = timezone.now().date()
        CopyDay.objects.create(copy=copy, date=today, realized_pnl=D(5), fees=D(1))
        CopyDay.objects.create(copy=copy, date=today - timedelta(days=20), realized_pnl=D(-50), fees=D(2))
        whole = get(copy.account.user, SUMMARY)["data"]["following"]["totals"]
        week = get(copy.account.user, f"{SUMMARY}?period=7d")["data"]["following"]["totals"]
        assert whole["assets"] == [{"asset": "USDT", "realized_pnl": "-45", "fees": "3"}]
        assert week["assets"] == [{"asset": "USDT", "realized_pnl": "5", "fees": "1"}]

    def test_rupees_and_dollars_are_told_apart_for_each_leader_and_in_the_totals(self):
        (both, _), (one, _) = make_master(), make_master()
        user = paper_account().user
        dollars, rupees = user.trading_accounts.get(), paper_account(user, venue="iifl")
        silent, gone = paper_account(user), paper_account(user)
        TradingAccount.objects.filter(pk=silent.pk).update(equity_asset="")
        TradingAccount.objects.filter(pk=gone.pk).update(equity_asset="", venue="bygone")
        results = ((both, dollars, 5), (both, rupees, 500), (one, dollars, 7), (one, silent, -4), (one, gone, 2))
        for leader, account, result in results:
            copy = Copy.objects.create(account=account, trader=leader)
            CopyDay.objects.create(copy=copy, date=timezone.now().date(), realized_pnl=D(result), fees=D(1))

        following = get(user, SUMMARY)["data"]["following"]

        by_leader = {row["master_id"]: row["assets"] for row in following["masters"]}
        assert by_leader[both.pk] == [
            {"asset": "INR", "realized_pnl": "500", "fees": "1"},
            {"asset": "USDT", "realized_pnl": "5", "fees": "1"},
        ]
        nameless = {"asset": None, "realized_pnl": "2", "fees": "1"}
        assert by_leader[one.pk] == [nameless, {"asset": "USDT", "realized_pnl": "3", "fees": "2"}]
        assert following["totals"]["assets"] == [
            nameless,
            {"asset": "INR", "realized_pnl": "500", "fees": "1"},
            {"asset": "USDT", "realized_pnl": "8", "fees": "3"},
        ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_prices")
class TestEverybody:
    def test_whoever_did_nothing_has_nothing(self):
        figures = get(make_user(), SUMMARY)["data"]
        assert (figures["total_orders"], figures["success_rate"], figures["master"]) == (0, None, None)
        assert figures["following"]["masters"] == []

    def test_orders_are_counted_by_status_and_others_are_not(self):
        account = make_account()
        for state in ("PENDING", "NEW", "REJECTED", "CANCELED"):
            make_order(account=account, state=state)
        make_order(account=account, state="EXPIRED", filled_quantity=D("0.001"))
        make_order(state="FILLED")
        figures = get(account.user, SUMMARY)["data"]
        names = ("total_orders", "pending", "submitted", "partial", "executed", "cancelled", "failed")
        assert [figures[name] for name in names] == [5, 1, 1, 1, 0, 1, 1]
        assert figures["success_rate"] == "50"

    def test_an_unknown_period_is_refused(self):
        get(make_user(), f"{SUMMARY}?period=year", 400)

    def test_nobody_is_asked_who_they_are(self):
        get(None, SUMMARY, 401)

    def test_more_leaders_and_trades_take_no_more_statements(self):
        user = paper_account().user
        leader, account = make_master()
        follow(leader, user.trading_accounts.get())
        lead(account, "BUY", "0.01")
        few = statements(lambda: get(user, SUMMARY))
        for _ in range(3):
            another, account = make_master()
            follow(another, paper_account(user))
            lead(account, "BUY", "0.01")
        assert statements(lambda: get(user, SUMMARY)) == few


counts = st.integers(0, 10_000)


@given(counts, counts, counts, counts, counts)
def test_a_rate_is_from_0_to_100_and_all_only_where_nothing_failed(filled, partial, skipped, failed, pending):
    outcomes = outcomes_of([filled, partial, skipped, failed, pending])
    rate = outcomes.success_percent
    assert (rate is None) == (filled + partial + failed == 0)
    assert rate is None or (0 <= rate <= 100 and (rate == 100) == (failed == 0))


@given(counts, counts)
def test_a_percentage_never_promises_more_than_there_is(part, more):
    whole = part + more
    told = percent(part, whole)
    assert told is None or told * whole <= 100 * part

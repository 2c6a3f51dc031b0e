"""A leader's order that fills in parts is one order: its limits and its minimum hold for all parts together."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.models import Copy, CopyIntent
from replication.services.copies import settings_of
from replication.services.simulating import copy_preview
from replication.tests.kit import PRICE, D, follow, held, lead, make_master, price_is, settle
from replication.tests.planner_kit import decide, market_of, state_of, terms_of, trade_of
from replication.tests.test_copying_own_accounts import fills_at_venue, resting
from replication.vocabulary import MinimumPolicy, Reason, Strategy
from tests.factories import make_user

STEP = D("0.001")
parts = st.lists(st.decimals("0.001", "0.5", places=3), min_size=1, max_size=8)


def copied_in_parts(quantities: list[Decimal], **settings: object) -> tuple[Decimal, Decimal]:
    """Return what a copy orders in all of an order that fills so, and what that is worth."""
    ordered = worth = carried = D(0)
    terms = terms_of(minimum_policy=MinimumPolicy.SKIP, **settings)
    for number, quantity in enumerate(quantities):
        share = quantity / sum(quantities)
        trade = trade_of(quantity=quantity, order_share=share)
        state = state_of(funds=D(10**9), order_worth=worth, order_carried=carried, held=ordered)
        decision = decide(trade, terms, market_of(), state)
        ordered, worth = ordered + decision.quantity, worth + decision.worth
        if decision.wanted is not None and (decision.orders or decision.code == Reason.BELOW_MINIMUM):
            carried += decision.wanted - decision.quantity
        if decision.caps:
            return ordered, worth
        assert number < len(quantities)
    return ordered, worth


@given(parts, st.decimals("0.005", "2", places=3))
def test_in_parts_it_is_as_much_as_at_once_up_to_what_is_too_small_to_order(quantities, ratio):
    ordered, _ = copied_in_parts(quantities, ratio=ratio)

    smallest = max(STEP, D(50) / 50_000)
    assert 0 <= sum(quantities) * ratio - ordered < smallest + STEP


@given(parts)
def test_what_is_to_be_the_leaders_own_order_is_so_part_by_part(quantities):
    ordered, _ = copied_in_parts(quantities, strategy=Strategy.FIXED_QUANTITY, fixed_quantity=sum(quantities))

    assert ordered == sum(quantities)


@given(parts, st.decimals("100", "20000", places=0))
def test_all_parts_together_are_worth_no_more_than_one_order_may_be(quantities, most):
    _, worth = copied_in_parts(quantities, max_order=most)

    assert worth <= most


@pytest.fixture
def master(transactional_db):
    price_is()
    return make_master()


def fill_in_parts(account, *quantities: str) -> None:
    order = resting(account, sum(map(D, quantities)))
    order.refresh_from_db()
    for number, quantity in enumerate(quantities):
        fills_at_venue(account, order, quantity, number=number)


def test_what_one_order_may_be_worth_holds_for_all_its_parts(master):
    leader, account = master
    copy = follow(leader, max_order=D(7_500))

    fill_in_parts(account, "0.1", "0.1", "0.1", "0.1")

    assert 7_000 < held(copy) * PRICE <= 7_500
    codes = CopyIntent.objects.order_by("pk").values_list("state", "code")
    assert list(codes) == [("filled", ""), ("filled", ""), ("skipped", "MAX_ORDER"), ("skipped", "MAX_ORDER")]


def test_the_next_order_begins_anew(master):
    leader, account = master
    copy = follow(leader, max_order=D(5_100))
    fill_in_parts(account, "0.1", "0.1")
    order = resting(account, "0.1")
    order.refresh_from_db()

    fills_at_venue(account, order, "0.1", number=9)

    assert held(copy) > D("0.19")


def test_parts_too_small_to_order_are_ordered_once_they_are_enough(master):
    leader, account = master
    copy = follow(leader, ratio=D("0.005"))

    fill_in_parts(account, "0.1", "0.1", "0.1", "0.1")

    assert held(copy) == D("0.002")
    skipped = CopyIntent.objects.filter(state="skipped").first()
    assert skipped is not None
    assert skipped.code == "BELOW_MINIMUM"


def test_what_rounding_leaves_of_a_part_comes_with_the_next(master):
    leader, account = master
    copy = follow(leader, ratio=D("0.015"))

    fill_in_parts(account, "0.1", "0.1", "0.1", "0.1")

    assert held(copy) == D("0.006")


def test_what_is_left_of_one_order_is_not_added_to_another(master):
    leader, account = master
    copy = follow(leader, ratio=D("0.005"))

    fill_in_parts(account, "0.1")
    order = resting(account, "0.1")
    order.refresh_from_db()
    fills_at_venue(account, order, "0.1", number=9)

    assert held(copy) == 0


def test_the_preview_takes_parts_of_an_order_together(master):
    leader, account = master
    copy = follow(leader, max_order=D(7_500))
    fill_in_parts(account, "0.1", "0.1", "0.1", "0.1")

    shown = copy_preview(user=make_user(), trader=leader, settings=settings_of(copy), funds=D(1_000_000))

    ordered = sum((trade.decision.quantity for trade in shown.trades), D(0))
    assert ordered * PRICE <= 7_500
    assert Copy.objects.count() == 1


@pytest.mark.parametrize("quantities", [["0.2"], ["0.1", "0.1"], ["0.05", "0.05", "0.1"]])
def test_what_is_set_off_against_a_debt_is_not_bought_back(master, quantities):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    copy.positions.update(remainder=D("-0.05"))  # of an exit that did not close so much

    fill_in_parts(account, *quantities)

    assert held(copy) == D("0.25")


def test_parts_too_small_beside_a_debt_are_ordered_once_they_are_enough(master):
    leader, account = master
    copy = follow(leader, ratio=D("0.01"))
    lead(account, "BUY", "1")
    copy.positions.update(remainder=D("-0.001"))

    fill_in_parts(account, "0.15", "0.15", "0.15", "0.15")

    assert held(copy) == D("0.015")
    assert copy.positions.get().remainder == 0


def test_what_was_too_small_before_the_leader_was_seen_flat_is_forgotten(master):
    leader, account = master
    copy = follow(leader, ratio=D("0.015"))
    order = resting(account, "0.3")
    order.refresh_from_db()
    fills_at_venue(account, order, "0.1", number=1)
    account.holdings.update(quantity=0, cost=0)  # a comparison with the venue has corrected it
    settle()
    settle()
    assert held(copy) == 0

    fills_at_venue(account, order, "0.1", number=2)
    settle()

    assert held(copy) == D("0.001")


def test_what_was_too_small_before_a_close_is_forgotten(master):
    leader, account = master
    copy = follow(leader, ratio=D("0.005"))
    order = resting(account, "0.2")
    order.refresh_from_db()
    fills_at_venue(account, order, "0.1", number=1)
    lead(account, "SELL", "0.1")

    fills_at_venue(account, order, "0.1", number=2)

    assert held(copy) == 0
    shown = copy_preview(user=make_user(), trader=leader, settings=settings_of(copy), funds=D(1_000_000))
    assert not any(trade.decision.orders for trade in shown.trades)


def test_of_a_part_that_filled_half_half_counts(master):
    leader, account = master
    follow(leader, max_order=D(7_500))
    order = resting(account, "0.4")
    order.refresh_from_db()
    fills_at_venue(account, order, "0.1", number=1)
    CopyIntent.objects.update(state="partial", filled_quantity=D("0.05"))

    fills_at_venue(account, order, "0.1", number=2)

    second = CopyIntent.objects.latest("pk")
    assert second.capped == []
    assert second.quantity == D("0.1")


def test_what_a_limit_has_cut_is_not_added_to_the_next_part(master):
    leader, account = master
    follow(leader, ratio=D("0.115"), max_symbol=D(500))
    order = resting(account, "0.3")
    order.refresh_from_db()
    fills_at_venue(account, order, "0.1", number=1)  # 0.0115, cut to what 500 buy
    Copy.objects.update(max_symbol=None)

    fills_at_venue(account, order, "0.1", number=2)

    assert CopyIntent.objects.latest("pk").quantity == D("0.011")

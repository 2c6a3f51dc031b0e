"""Orders are placed, found, filled and cancelled."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest

from markets.venues.base import ZERO, FillReport
from markets.venues.deadline import sending_until
from markets.venues.errors import OutcomeUnknown, Rejected, RejectReason, Retryable
from markets.venues.vocabulary import FINAL_STATUSES, MarketKind, OrderType, Side, TimeInForce, VenueStatus
from tests.contract.bench import Bench, Desk, reference, run


def all_fills(desk: Desk, venue_order_id: str) -> list[FillReport]:
    adapter, bench = desk.bench.adapter, desk.bench
    return list(run(adapter.fills(desk.access, bench.symbol, bench.kind, venue_order_id=venue_order_id, since=None)))


def test_a_market_order_fills_at_the_price(desk: Desk) -> None:
    request = desk.order()
    placed = desk.place(request)

    assert placed.client_order_id == request.client_order_id
    assert placed.venue_order_id
    known = desk.query(request)
    assert known
    assert (known.status, known.filled_quantity) == (VenueStatus.FILLED, request.quantity)
    assert known.average_price
    assert abs(known.average_price / desk.price() - 1) < Decimal("0.01")


def test_the_fills_of_an_order_add_up_to_it(desk: Desk) -> None:
    request = desk.order()
    placed = desk.place(request)
    fills = all_fills(desk, placed.venue_order_id)

    assert sum(fill.quantity for fill in fills) == request.quantity
    assert {fill.venue_order_id for fill in fills} == {placed.venue_order_id}
    assert {(fill.side, fill.symbol, fill.kind) for fill in fills} == {(Side.BUY, request.symbol, request.kind)}
    assert all(fill.fee >= 0 and fill.fee_asset and fill.quote_quantity > 0 for fill in fills)
    assert len({fill.venue_trade_id for fill in fills}) == len(fills)


def test_fills_in_the_answer_are_those_of_the_list(desk: Desk) -> None:
    placed = desk.place(desk.order())
    listed = {fill.venue_trade_id: fill.quantity for fill in all_fills(desk, placed.venue_order_id)}

    assert {fill.venue_trade_id: fill.quantity for fill in placed.fills}.items() <= listed.items()


def test_fills_since_a_moment_hold_those_of_all_orders(desk: Desk) -> None:
    first, second = desk.place(desk.order()), desk.place(desk.order())
    adapter, bench = desk.bench.adapter, desk.bench
    since = min(first.time, second.time) - timedelta(seconds=1)  # orders are told of a little after they traded
    found = run(adapter.fills(desk.access, bench.symbol, bench.kind, since=since))

    assert {fill.venue_order_id for fill in found} == {first.venue_order_id, second.venue_order_id}
    assert [fill.time for fill in found] == sorted(fill.time for fill in found)


def test_a_limit_order_below_the_price_rests(desk: Desk) -> None:
    request = desk.resting()
    placed = desk.place(request)

    assert (placed.status, placed.filled_quantity, placed.price) == (VenueStatus.NEW, ZERO, request.price)
    open_orders = run(desk.bench.adapter.open_orders(desk.access, desk.bench.symbol))
    assert [order.client_order_id for order in open_orders] == [request.client_order_id]


def test_a_resting_order_fills_when_the_price_comes_to_it(desk: Desk) -> None:
    request = desk.resting()
    desk.place(request)
    desk.bench.set_price(desk.below("0.96"))

    known = desk.query(request)
    assert known
    assert known.status == VenueStatus.FILLED
    assert (known.price, known.average_price) == (request.price, request.price)


def test_part_of_a_resting_order_fills(desk: Desk) -> None:
    if not desk.bench.fills_in_parts:
        pytest.skip("this bench fills orders whole")
    request = desk.resting()
    placed = desk.place(request)
    assert request.quantity
    desk.bench.fill_part(desk.access, placed, request.quantity / 2)

    known = desk.query(request)
    assert known
    assert (known.status, known.filled_quantity) == (VenueStatus.PARTIALLY_FILLED, request.quantity / 2)
    cancelled = desk.cancel(request)
    assert (cancelled.status, cancelled.filled_quantity) == (VenueStatus.CANCELED, request.quantity / 2)


def test_an_order_is_cancelled_once_and_stays_so(desk: Desk) -> None:
    request = desk.resting()
    desk.place(request)

    assert [desk.cancel(request).status for _ in range(2)] == [VenueStatus.CANCELED] * 2
    cancelled = desk.cancel(request)
    assert cancelled.client_order_id == request.client_order_id
    assert run(desk.bench.adapter.open_orders(desk.access)) == []


def test_cancelling_a_filled_order_returns_it_filled(desk: Desk) -> None:
    request = desk.order()
    desk.place(request)

    assert desk.cancel(request).status == VenueStatus.FILLED


def test_cancelling_leaves_other_orders_at_the_same_price_alone(desk: Desk) -> None:
    first, second = desk.resting(), desk.resting()
    desk.place(first)
    desk.place(second)
    desk.cancel(first)

    known = desk.query(second)
    assert known
    assert known.status == VenueStatus.NEW


def test_an_order_that_never_was_is_none(desk: Desk) -> None:
    assert desk.query(desk.resting()) is None


def test_cancelling_an_order_that_never_was_is_refused(desk: Desk) -> None:
    with pytest.raises(Rejected) as refused:
        desk.cancel(desk.resting())
    assert refused.value.reason == RejectReason.UNKNOWN_ORDER


def test_the_order_of_another_account_is_none(desk: Desk) -> None:
    request = desk.resting()
    desk.place(request)

    assert Desk(desk.bench, desk.bench.account()).query(request) is None


def test_an_order_is_found_by_the_id_of_the_venue(desk: Desk) -> None:
    request = desk.resting()
    placed = desk.place(request)
    named = reference(request)
    both = type(named)(named.symbol, named.kind, named.type, named.client_order_id, placed.venue_order_id)

    found = run(desk.bench.adapter.query(desk.access, both))
    assert found
    assert found.client_order_id == request.client_order_id


def test_a_client_order_id_that_is_open_already_is_no_second_order(desk: Desk) -> None:
    request = desk.resting()
    first = desk.place(request)

    # It is not "rejected": the order that is there may be the very one that is meant.
    with pytest.raises(OutcomeUnknown):
        desk.place(request)
    known = desk.query(request)
    assert known
    assert known.venue_order_id == first.venue_order_id
    assert len(run(desk.bench.adapter.open_orders(desk.access))) == 1


@pytest.mark.capable(TimeInForce.GTX)
def test_a_post_only_order_that_would_take_does_not(desk: Desk) -> None:
    request = desk.order(type=OrderType.LIMIT, price=desk.below("1.01"), time_in_force=TimeInForce.GTX)
    try:
        placed = desk.place(request)
    except Rejected as error:
        assert error.reason == RejectReason.POST_ONLY_WOULD_TAKE  # noqa: PT017
    else:
        assert (placed.status in FINAL_STATUSES, placed.filled_quantity) == (True, ZERO)


def test_an_immediate_order_does_not_rest(desk: Desk) -> None:
    placed = desk.settled(desk.order(type=OrderType.LIMIT, price=desk.below(), time_in_force=TimeInForce.IOC))

    assert (placed.status, placed.filled_quantity) == (VenueStatus.EXPIRED, ZERO)


@pytest.mark.capable("quote_quantity")
def test_an_order_for_an_amount_of_the_quote_spends_about_that(desk: Desk) -> None:
    amount = Decimal(100)
    request = desk.order(quantity=None, quote_quantity=amount)
    desk.place(request)

    known = desk.query(request)
    assert known
    assert known.filled_quote
    assert amount * Decimal("0.98") < known.filled_quote <= amount


def test_an_account_shows_what_was_bought(bench: Bench, desk: Desk) -> None:
    before = run(bench.adapter.account(desk.access))
    request = desk.order()
    desk.place(request)
    after = run(bench.adapter.account(desk.access))

    assert before.complete
    assert after.time >= before.time
    assert before.positions == ()
    if bench.kind is not MarketKind.SPOT:
        assert [(held.symbol, held.quantity) for held in after.positions] == [(bench.symbol, request.quantity)]
    else:
        base = desk.market().base_asset
        gained = [{row.asset: row.total for row in report.balances}.get(base, 0) for report in (before, after)]
        assert request.quantity
        assert request.quantity * Decimal("0.99") < gained[1] - gained[0] <= request.quantity


def test_an_order_whose_deadline_has_passed_is_not_sent(desk: Desk) -> None:
    request = desk.resting()
    with sending_until(time.monotonic()), pytest.raises(Retryable):
        desk.place(request)

    assert desk.query(request) is None
    with sending_until(time.monotonic() + 30):
        assert desk.place(request).status == VenueStatus.NEW

"""What a venue refuses is told as a reason that is the same for all venues, and nothing was placed."""

from decimal import Decimal
from typing import Any

import pytest

from markets.venues.errors import Rejected, RejectReason
from markets.venues.vocabulary import OrderType, PositionSide, Side, TimeInForce, VenueStatus
from tests.contract.bench import Bench, Desk, run


def refusal(desk: Desk, **changes: Any) -> str:
    """Place an order that is refused; return why."""
    request = desk.order(**changes)
    with pytest.raises(Rejected) as refused:
        desk.place(request)
    assert refused.value.message
    assert desk.query(request) is None
    return refused.value.reason


def limit(price: Decimal) -> dict[str, Any]:
    return {"type": OrderType.LIMIT, "price": price, "time_in_force": TimeInForce.GTC}


def test_more_than_the_market_takes_at_once(desk: Desk) -> None:
    most = desk.market().filters.quantity_max
    if not most:
        pytest.skip("this venue names no largest quantity")

    assert refusal(desk, quantity=most * 2, **limit(desk.below())) == RejectReason.LOT_SIZE


def test_less_than_the_smallest_quantity(desk: Desk) -> None:
    least = desk.market().filters.quantity_min
    assert least

    assert refusal(desk, quantity=least / 2, **limit(desk.below())) in {
        RejectReason.LOT_SIZE,
        RejectReason.BAD_PARAMETERS,  # more digits than the venue reads
    }


def test_a_price_out_of_bounds(desk: Desk) -> None:
    most = desk.market().filters.price_max
    if not most:
        pytest.skip("this market has no highest price")

    assert refusal(desk, side=Side.SELL, **limit(most * 2)) in {RejectReason.PRICE_FILTER, RejectReason.PRICE_BAND}


def test_an_order_that_is_worth_too_little(desk: Desk) -> None:
    filters = desk.market().filters
    if filters.notional_min is None or filters.quantity_min is None:
        pytest.skip("this market takes orders of any worth")
    price = min(desk.price(), filters.notional_min / filters.quantity_min * Decimal("0.9"))
    desk.bench.set_price(price // 1)

    assert refusal(desk, quantity=filters.quantity_min) == RejectReason.MIN_NOTIONAL


def test_an_account_without_the_money(bench: Bench) -> None:
    poor = Desk(bench, bench.account(poor=True))
    if bench.adapter.capabilities.acknowledges_first:
        told = poor.settled(poor.order())
        assert (told.status, told.filled_quantity) == (VenueStatus.REJECTED, Decimal(0))
        assert "margin" in told.reason.lower()
        return

    assert refusal(poor) in {RejectReason.INSUFFICIENT_BALANCE, RejectReason.INSUFFICIENT_MARGIN}


def test_a_symbol_that_is_not_listed(desk: Desk) -> None:
    with pytest.raises(Rejected) as refused:
        desk.place(desk.order(symbol="NOSUCHTHING"))

    assert refused.value.reason == RejectReason.UNKNOWN_SYMBOL


@pytest.mark.capable("reduce_only")
def test_reducing_where_there_is_nothing_to_reduce(desk: Desk) -> None:
    assert refusal(desk, reduce_only=True) == RejectReason.REDUCE_ONLY_REFUSED


@pytest.mark.capable("reduce_only")
def test_an_order_that_only_reduces_closes_a_position(desk: Desk) -> None:
    desk.place(desk.order())
    closing = desk.order(side=Side.SELL, reduce_only=True)
    desk.place(closing)

    known = desk.query(closing)
    assert known
    assert (known.status, known.reduce_only) == (VenueStatus.FILLED, True)
    assert run(desk.bench.adapter.account(desk.access)).positions == ()


@pytest.mark.capable("hedge_mode")
def test_a_side_for_an_account_that_has_none(desk: Desk) -> None:
    assert refusal(desk, position_side=PositionSide.LONG) == RejectReason.POSITION_SIDE_MISMATCH


@pytest.mark.capable("hedge_mode")
def test_no_side_for_an_account_that_needs_one(bench: Bench) -> None:
    hedging = Desk(bench, bench.account(hedge=True))

    assert refusal(hedging) == RejectReason.POSITION_SIDE_MISMATCH


@pytest.mark.capable("hedge_mode")
def test_both_sides_are_held_at_once_in_hedge_mode(bench: Bench) -> None:
    hedging = Desk(bench, bench.account(hedge=True))
    hedging.place(hedging.order(position_side=PositionSide.LONG))
    hedging.place(hedging.order(side=Side.SELL, position_side=PositionSide.SHORT))
    report = run(bench.adapter.account(hedging.access))

    held = {position.position_side: position.quantity for position in report.positions}
    assert held == {PositionSide.LONG: bench.quantity, PositionSide.SHORT: -bench.quantity}
    assert report.hedge_mode


@pytest.mark.capable("hedge_mode")
def test_closing_a_side_in_hedge_mode_needs_no_other_word(bench: Bench) -> None:
    hedging = Desk(bench, bench.account(hedge=True))
    hedging.place(hedging.order(position_side=PositionSide.LONG))
    hedging.place(hedging.order(side=Side.SELL, position_side=PositionSide.LONG, reduce_only=True))

    assert run(bench.adapter.account(hedging.access)).positions == ()

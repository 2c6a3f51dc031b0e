"""A position is closed while orders rest against it: what is sold twice would turn it around."""

from decimal import Decimal
from typing import Any

import pytest

from markets.venues.errors import VenueDown
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute
from orders.models import Holding, Order
from orders.services.closing import OrdersInTheWay, PositionConflict, position_close
from orders.tests.conftest import age
from tests.factories import make_holding, make_market, make_order

pytestmark = pytest.mark.django_db(transaction=True)

PRICED = {"price": Decimal(60_000), "time_in_force": "GTC"}


@pytest.fixture
def holding(account):
    """Half a bitcoin, long."""
    return make_holding(account=account, market=make_market(venue="fake"), quantity="0.5", cost="25000")


@pytest.fixture
def rest(write):
    """Let an order to sell 0.2 at 60,000 rest at the venue, unless something else is said."""

    def rest_one(**values: Any) -> Order:
        order: Order = write(**{"side": "SELL", "type": "LIMIT", "quantity": Decimal("0.2"), **PRICED, **values})
        orders_execute([order.pk])
        assert state(order) == "NEW"
        return order

    return rest_one


def state(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def close(holding: Holding, **options: Any) -> Order:
    return position_close(user=holding.account.user, holding=holding, **options)


def test_what_can_only_reduce_closes_beside_them_and_leaves_them(holding, rest):
    resting = rest()

    closed = close(holding)

    assert (closed.state, closed.quantity, closed.reduce_only) == ("FILLED", Decimal("0.5"), True)
    assert state(resting) == "NEW"


@pytest.mark.parametrize("kind", ["usd_m", "spot"])
def test_else_the_refusal_names_them_and_what_they_would_close(kind, without_reduce_only, holding, rest):
    holding.market.kind = kind
    holding.market.save()
    resting = [rest(), rest(quantity=Decimal("0.1"))]
    make_order(account=holding.account, market=holding.market, side="BUY", type="LIMIT", state="NEW")
    make_order(account=holding.account, market=make_market(venue="fake", symbol="ETHUSDT"), side="SELL", state="NEW")

    with pytest.raises(OrdersInTheWay, match=r"would close 0.3 of 0.5 as well") as refused:
        close(holding)

    assert refused.value.details == {"orders": [order.pk for order in resting], "quantity": "0.3"}
    assert (refused.value.status, Order.objects.filter(closes=True).count()) == (409, 0)


def test_they_are_cancelled_first_where_that_is_asked_for(without_reduce_only, holding, rest, write):
    """What they had traded meanwhile is not sold again."""
    resting, unsent = rest(), write(side="SELL", type="LIMIT", **PRICED)
    without_reduce_only.fill(resting.client_order_id, "0.1")

    closed = close(holding, cancel_orders=True)

    assert (closed.state, closed.quantity) == ("FILLED", Decimal("0.4"))
    assert (state(resting), state(unsent)) == ("CANCELED", "CANCELED")
    orders_check([closed.pk])
    assert Holding.objects.get().quantity == 0


@pytest.mark.parametrize("reduces", [True, False])
def test_one_that_the_venue_does_not_let_go_keeps_only_a_close_that_could_turn(
    reduces, holding, rest, venue, request, monkeypatch
):
    if not reduces:
        request.getfixturevalue("without_reduce_only")
    resting = rest()
    with monkeypatch.context() as down:
        down.setattr(venue, "cancel", _is_down)
        if reduces:
            assert close(holding, cancel_orders=True).state == "FILLED"
        else:
            with pytest.raises(OrdersInTheWay):
                close(holding, cancel_orders=True)
    assert Order.objects.filter(closes=True).count() == reduces

    age(resting, 60)
    orders_check()

    assert state(resting) == "CANCELED"


async def _is_down(*_: Any) -> None:
    raise VenueDown("The venue does not answer.")


def test_sent_again_with_its_key_it_cancels_nothing_that_came_later(holding, rest):
    first = close(holding, cancel_orders=True, idempotency_key="close-1")
    resting = rest()

    assert close(holding, cancel_orders=True, idempotency_key="close-1") == first
    assert state(resting) == "NEW"


def test_a_refused_close_leaves_its_key_free(without_reduce_only, holding, rest):
    resting = rest()
    with pytest.raises(OrdersInTheWay):
        close(holding, idempotency_key="close-1")
    Order.objects.filter(pk=resting.pk).update(state="CANCELED", check_at=None)

    assert close(holding, idempotency_key="close-1").state == "FILLED"


def test_an_order_that_waits_for_no_price_is_closing_it_already(holding):
    make_order(
        account=holding.account, market=holding.market, side="SELL", type="LIMIT", time_in_force="IOC", state="UNKNOWN"
    )

    with pytest.raises(PositionConflict, match="being closed already"):
        close(holding, cancel_orders=True)


def test_what_was_traded_and_is_not_booked_is_waited_for(without_reduce_only, holding):
    make_order(
        account=holding.account,
        market=holding.market,
        side="SELL",
        type="LIMIT",
        quantity=Decimal(1),
        filled_quantity=Decimal("0.2"),
        state="CANCELED",
    )

    with pytest.raises(PositionConflict, match="not booked yet"):
        close(holding, cancel_orders=True)

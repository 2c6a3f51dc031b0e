"""Whatever was told before, a comparison has open what is open at the venue."""

from datetime import timedelta

from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orders.executor.findings import Source
from orders.models import Order
from orders.services.rebuild import holdings_rebuild
from orders.services.reports import reports_record
from orders.states import OPEN
from orders.tests.reopening_kit import compare, rest

news = st.one_of(
    st.tuples(st.just("told"), st.sampled_from(["CANCELED", "EXPIRED", "REJECTED", "FILLED", "NEW"])),
    st.tuples(st.just("trade"), st.booleans()),
    st.tuples(st.just("compare"), st.booleans()),
)


@given(st.lists(news, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_whatever_was_told_a_comparison_has_open_what_is_open_there(account, write, venue, history):
    """Untrue and late words of the stream, trades that it tells or keeps to itself, and comparisons in between."""
    venue.orders.clear()
    venue.trades.clear()
    Order.objects.update(state="FAILED", check_at=None)  # those of earlier examples
    order = rest(write)
    for event, value in history:
        happens(order, venue, event, value)
    happens(order, venue, "compare", value=True)

    order.refresh_from_db()
    there = venue.orders[order.client_order_id]
    assert there.status in OPEN
    assert (order.state, order.finished_at) == (there.status, None)
    assert order.filled_quantity == order.booked_quantity == there.filled_quantity
    assert holdings_rebuild() == []


def happens(order, venue, event, value):
    known = venue.orders[order.client_order_id]
    if event == "told":
        filled = known.quantity if value == "FILLED" else known.filled_quantity
        told = replace(known, status=value, filled_quantity=filled)
        reports_record(account=order.account, orders=[told], fills=[], source=Source.STREAM)
    elif event == "trade":
        trade = venue.fill(order.client_order_id, "0.125")
        reports_record(account=order.account, orders=[], fills=[trade] if value else [], source=Source.STREAM)
    else:
        past = timezone.now() - timedelta(seconds=60)
        Order.objects.filter(pk=order.pk, finished_at__isnull=False).update(finished_at=past)
        compare(order.account)

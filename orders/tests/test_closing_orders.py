"""Orders that are written here to close what is held pass where nothing may be opened; no request may say so."""

import pytest

from orders.executor.claiming import orders_claim
from orders.executor.sending import orders_execute
from orders.models import Order, TradingHalt
from orders.services.closing import position_close
from orders.tests.proxy_kit import SPOT_LIMIT
from tests.factories import make_holding, make_market

pytestmark = pytest.mark.django_db(transaction=True)


def halt() -> None:
    TradingHalt.objects.create(scope="venue", venue="fake", reason="the news")


def test_what_only_closes_passes_a_reduce_only_halt(write, venue):
    halt()
    entry, way_out = write(side="SELL"), write(side="SELL", closes=True)

    orders_execute([entry.pk, way_out.pk])

    entry.refresh_from_db()
    way_out.refresh_from_db()
    assert (entry.state, entry.reason_code) == ("FAILED", "TRADING_HALTED")
    assert way_out.state == "FILLED"


def test_what_only_closes_does_not_pass_a_full_halt(write, venue):
    TradingHalt.objects.create(scope="venue", venue="fake", mode="all", reason="the news")
    order = write(side="SELL", closes=True)

    orders_execute([order.pk])

    order.refresh_from_db()
    assert order.state == "FAILED"


def test_what_only_closes_is_sent_first(write):
    entry, way_out = write(), write(side="SELL", closes=True)

    assert [item.order_id for item in orders_claim().allowed] == [way_out.pk, entry.pk]


def test_in_hedge_mode_the_side_tells_all_the_same(write, venue):
    halt()
    order = write(side="BUY", position_side="LONG", closes=True)

    orders_execute([order.pk])

    order.refresh_from_db()
    assert order.state == "FAILED"


def test_a_position_is_closed_by_hand_under_a_reduce_only_halt(without_reduce_only, account):
    halt()
    holding = make_holding(account=account, market=make_market(venue="fake"), quantity="0.5")

    order = position_close(user=account.user, holding=holding)

    assert (order.state, order.reduce_only, order.closes) == ("FILLED", False, True)


def test_no_request_to_the_proxy_says_that_its_order_closes(ada, binance):
    for name in ("closes", "Closes", "CLOSES"):
        ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": f"n8n-{name}", name: "true"})
    ada.post("spot/order", SPOT_LIMIT)

    assert Order.objects.exists()
    assert not Order.objects.filter(closes=True).exists()

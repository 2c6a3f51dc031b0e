"""Placing orders through the proxy, against a Binance on loopback."""

from decimal import Decimal

import pytest
from django.utils import timezone

from markets.prices import prices_write
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind
from orders.models import Order, OrderEvent
from orders.proxy.parameters import SPOT_TYPES
from orders.services.accounts import account_create
from orders.tests.proxy_kit import KEY, SPOT_LIMIT, USDM_LIMIT, Caller, at
from tests.factories import make_market, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]


def test_a_spot_order_is_placed_and_answered_in_the_seeds_words(ada, binance):
    answer = ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "n8n-1"})

    assert answer.status == 201, answer.body
    row = Order.objects.get()
    assert answer.data | {"created_at": "", "updated_at": "", "binance_response": {}} == {
        "id": row.pk,
        "order_id": row.venue_order_id,
        "client_order_id": "n8n-1",
        "account": at(ada.user, "binance").pk,
        "symbol": "BTCUSDT",
        "market_type": "spot",
        "side": "BUY",
        "position_side": "BOTH",
        "order_type": "LIMIT",
        "status": "NEW",
        "state": "NEW",
        "price": "50000",
        "quantity": "0.001",
        "quote_quantity": None,
        "executed_qty": "0",
        "average_price": None,
        "time_in_force": "GTC",
        "reduce_only": False,
        "close_position": False,
        "stop_price": None,
        "working_type": None,
        "price_protect": False,
        "reason": None,
        "created_at": "",
        "updated_at": "",
        "binance_response": {},
    }
    assert answer.body["meta"] == {"repeated": False, "message": None}
    assert answer.data["binance_response"]["clientOrderId"] == "n8n-1"
    assert str(answer.data["binance_response"]["orderId"]) == answer.data["order_id"]
    assert binance.orders(KEY, "spot")[0]["price"] == "50000.00000000"


def test_a_market_order_for_an_amount_of_the_quote_is_filled(ada):
    answer = ada.post("spot/order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": 100})

    assert (answer.status, answer.data["status"]) == (201, "FILLED"), answer.body
    assert answer.data["quote_quantity"] == "100"
    assert answer.data["binance_response"]["fills"]
    assert answer.data["executed_qty"] == answer.data["quantity"] != "0"


def test_the_older_route_places_spot_orders(ada):
    answer = ada.post("order", SPOT_LIMIT)

    assert (answer.status, answer.data["market_type"]) == (201, "spot")


def test_a_post_only_order_is_one_at_binance(ada, binance):
    body = {name: value for name, value in SPOT_LIMIT.items() if name != "timeInForce"}

    answer = ada.post("spot/order", {**body, "type": "LIMIT_MAKER"})

    assert (answer.status, answer.data["order_type"], answer.data["time_in_force"]) == (201, "LIMIT_MAKER", None)
    assert binance.placements()[0]["type"] == "LIMIT_MAKER"


def test_a_usd_m_stop_closes_the_position_at_the_endpoint_for_conditional_orders(ada, binance):
    body = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "stopPrice": "50000.0",
        "closePosition": "true",
        "workingType": "MARK_PRICE",
        "priceProtect": "TRUE",
    }

    answer = ada.post("futures/order", body)

    assert answer.status == 201, answer.body
    shown = {"order_type": "STOP_MARKET", "close_position": True, "stop_price": "50000", "price_protect": True}
    assert shown.items() <= answer.data.items()
    assert (answer.data["market_type"], answer.data["working_type"]) == ("usd_m", "MARK_PRICE")
    assert answer.data["binance_response"]["algoStatus"] == "NEW"
    assert [placed["algo"] for placed in binance.placements()] == [True]


def test_a_coin_m_order_is_placed_in_contracts_and_in_snake_case(ada, binance):
    body = {
        "market_type": "coin_m",
        "symbol": "btcusd_perp",
        "side": "BUY",
        "order_type": "LIMIT",
        "time_in_force": "GTX",
        "quantity": 1,
        "price": 50000.0,
        "client_order_id": "n8n:2",
    }

    answer = ada.post("futures/order", body)

    assert answer.status == 201, answer.body
    assert (answer.data["symbol"], answer.data["market_type"], answer.data["quantity"]) == (
        "BTCUSD_PERP",
        "coin_m",
        "1",
    )
    assert binance.orders(KEY, "coin_m")[0]["timeInForce"] == "GTX"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("MARKET", {"quantity": "0.002"}),
        ("STOP", {"quantity": "0.002", "price": "49000.0", "stopPrice": "50000.0"}),
        ("TAKE_PROFIT", {"quantity": "0.002", "price": "99000.0", "stopPrice": "99000.0"}),
        ("TAKE_PROFIT_MARKET", {"quantity": "0.002", "stopPrice": "99000.0"}),
        ("TRAILING_STOP_MARKET", {"quantity": "0.002", "callbackRate": "1.5", "activationPrice": "99000.0"}),
    ],
)
def test_every_futures_type_is_taken_by_binance(ada, kind, more):
    answer = ada.post("futures/order", {"symbol": "BTCUSDT", "side": "SELL", "type": kind, **more})

    assert (answer.status, answer.data["order_type"]) == (201, kind), answer.body


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("STOP_LOSS", {"stopPrice": "50000.00"}),
        ("STOP_LOSS_LIMIT", {"stopPrice": "50000.00", "price": "49000.00", "timeInForce": "GTC"}),
        ("TAKE_PROFIT", {"stopPrice": "99000.00"}),
        ("TAKE_PROFIT_LIMIT", {"stopPrice": "99000.00", "price": "99000.00", "timeInForce": "GTC"}),
    ],
)
def test_every_spot_type_is_taken_by_binance(ada, binance, kind, more):
    binance.symbol("spot", "ALLUSDT", like="BTCUSDT", orderTypes=list(SPOT_TYPES), baseAsset="BTC", quoteAsset="USDT")
    binance.price("spot", "ALLUSDT", "77000")
    make_market(venue="binance", symbol="ALLUSDT")

    answer = ada.post("spot/order", {"symbol": "ALLUSDT", "side": "SELL", "type": kind, "quantity": "0.001", **more})

    assert (answer.status, answer.data["order_type"]) == (201, kind), answer.body


def test_an_order_in_hedge_mode_names_its_position(ada, binance):
    binance.change_account(KEY, hedge=True)
    account = at(ada.user, "binanceusdm")
    account.hedge_mode = True
    account.save()

    assert ada.post("futures/order", {**USDM_LIMIT, "positionSide": "LONG"}).data["position_side"] == "LONG"
    assert set(ada.post("futures/order", USDM_LIMIT).problems) == {"positionSide"}


def test_every_step_of_a_placed_order_is_kept(ada):
    ada.post("spot/order", SPOT_LIMIT)

    steps = [event.to_state for event in OrderEvent.objects.order_by("id")]
    assert steps == ["PENDING", "SENDING", "NEW"]


@pytest.mark.django_db(transaction=True)
def test_a_paper_account_is_answered_by_its_own_books(binance):
    user = make_user()
    account_create(user=user, name="Paper", venue="binance", actor=None)
    make_market(venue="binance")
    price = Decimal(77_000)
    prices_write("binance", [PriceReport("BTCUSDT", MarketKind.SPOT, timezone.now(), last=price, bid=price, ask=price)])

    resting = Caller(user).post("spot/order", SPOT_LIMIT)
    filled = Caller(user).post(
        "spot/order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    )

    assert (resting.status, resting.data["status"]) == (201, "NEW")
    assert (filled.status, filled.data["status"], filled.data["executed_qty"]) == (201, "FILLED", "0.001")
    assert binance.placements() == []

"""The filters of exchangeInfo, in the words of the venue."""

import pytest

from tests.simulators.tests.client import API, FAPI, Client

PRICE_RULES = [
    ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "0.0000000001"}, -1111, "Parameter 'quantity' has too much precision."),
    ({"price": "70000.001"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": "2000000"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": "10000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ({"quantity": "0.00006", "price": "70000"}, -1013, "Filter failure: NOTIONAL"),
    ({"quantity": "200", "price": "70000"}, -1013, "Filter failure: NOTIONAL"),
]
FUTURES_RULES = [
    ({"quantity": "0"}, -4003, "Quantity less than or equal to zero."),
    ({"quantity": "-1"}, -4003, "Quantity less than or equal to zero."),
    ({"quantity": "0.0005"}, -1111, "Precision is over the maximum defined for this asset."),
    ({"quantity": "1001"}, -4005, "Quantity greater than max quantity."),
    ({"price": "-1"}, -4001, "Price less than 0."),
    ({"price": "100.0"}, -4013, "Price less than min price."),
    ({"price": "5000000"}, -4002, "Price greater than max price."),
    ({"price": "70000.05"}, -4014, "Price not increased by tick size."),
    ({"price": "70000.001"}, -1111, "Precision is over the maximum defined for this asset."),
    ({"price": "85000"}, -4016, "Limit price can't be higher than 80760.75."),
    ({"side": "SELL", "price": "70000"}, -4024, "Limit price can't be lower than 73069.25."),
]


@pytest.mark.parametrize(("changes", "code", "message"), PRICE_RULES)
def test_a_spot_order_passes_its_filters(client: Client, changes: dict[str, str], code: int, message: str) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    reply = client.signed("POST", f"{API}order", **{**order, "price": "70000", **changes})
    assert (reply.status, reply.body) == (400, {"code": code, "msg": message})


def test_a_spot_market_order_has_a_size_of_its_own(client: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "130"}
    assert client.signed("POST", f"{API}order", **order).body["msg"] == "Filter failure: MARKET_LOT_SIZE"


def test_a_symbol_has_only_so_many_open_orders(client: Client) -> None:
    for market, path, message in (("spot", API, "Filter failure: MAX_NUM_ORDERS"), ("usd_m", FAPI, None)):
        fields = {"maxNumOrders": 2} if market == "spot" else {"limit": 2}
        client.exchange.symbol(market, "BTCUSDT", like="BTCUSDT", filters={"MAX_NUM_ORDERS": fields})
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        for _ in range(2):
            client.ok("POST", f"{path}order", **order, price="75000")
        reply = client.signed("POST", f"{path}order", **order, price="75000")
        assert reply.body == {"code": -1013, "msg": message} if message else reply.code == -2025


@pytest.mark.parametrize(("changes", "code", "message"), FUTURES_RULES)
def test_a_futures_order_passes_its_filters(client: Client, changes: dict[str, str], code: int, message: str) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    reply = client.signed("POST", f"{FAPI}order", **{**order, "price": "75000", **changes})
    assert (reply.status, reply.body) == (400, {"code": code, "msg": message})


def test_quantities_of_futures_lie_on_steps_from_the_least_one(client: Client) -> None:
    filters = {"LOT_SIZE": {"minQty": "0.002", "stepSize": "0.005"}}
    client.exchange.symbol("usd_m", "BTCUSDT", like="BTCUSDT", filters=filters)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "75000"}
    codes = [
        client.signed("POST", f"{FAPI}order", **order, quantity=size).body.get("code") for size in ("0.001", "0.01")
    ]
    assert codes == [-4004, -4023]
    assert client.signed("POST", f"{FAPI}order", **order, quantity="0.007").status == 200


def test_a_futures_order_is_worth_something_unless_it_reduces(client: Client) -> None:
    client.exchange.symbol("usd_m", "ETHUSDT", like="ETHUSDT", filters={"MIN_NOTIONAL": {"notional": "50"}})
    order = {"symbol": "ETHUSDT", "type": "MARKET", "quantity": "0.01"}
    reply = client.signed("POST", f"{FAPI}order", **order, side="BUY")
    assert reply.body == {
        "code": -4164,
        "msg": "Order's notional must be no smaller than 50 (unless you choose reduce only).",
    }
    client.market(FAPI, "ETHUSDT", "BUY", "0.02")
    assert client.signed("POST", f"{FAPI}order", **order, side="SELL", reduceOnly="true").status == 200

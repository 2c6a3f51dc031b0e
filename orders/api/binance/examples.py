"""Examples for the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from orders.api.binance.shapes import IN_DOUBT_MESSAGE

SPOT_LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "60000.00",
    "newClientOrderId": "n8n-4711",
}
SPOT_MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": 100}
USDM_STOP = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "STOP_MARKET",
    "stopPrice": "58000.0",
    "closePosition": True,
    "workingType": "MARK_PRICE",
    "priceProtect": True,
}
COINM_LIMIT = {
    "market_type": "coin_m",
    "symbol": "BTCUSD_PERP",
    "side": "BUY",
    "order_type": "LIMIT",
    "time_in_force": "GTX",
    "quantity": 1,
    "price": "60000.0",
}
ORDER: dict[str, Any] = {
    "id": 812,
    "order_id": "28457",
    "client_order_id": "n8n-4711",
    "account": 3,
    "symbol": "BTCUSDT",
    "market_type": "spot",
    "side": "BUY",
    "position_side": "BOTH",
    "order_type": "LIMIT",
    "status": "NEW",
    "state": "NEW",
    "price": "60000",
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
    "created_at": "2026-02-05T00:05:00.000Z",
    "updated_at": "2026-02-05T00:05:00.142Z",
    "binance_response": {
        "symbol": "BTCUSDT",
        "orderId": 28457,
        "orderListId": -1,
        "clientOrderId": "n8n-4711",
        "transactTime": 1770249900121,
        "price": "60000.00000000",
        "origQty": "0.00100000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "fills": [],
    },
}
STOP: dict[str, Any] = {
    **ORDER,
    "order_id": "2146760",
    "client_order_id": "0e6f0c1fa7c54d0f9b4c7f2f9f0f8f11",
    "market_type": "usd_m",
    "side": "SELL",
    "order_type": "STOP_MARKET",
    "price": None,
    "quantity": None,
    "time_in_force": None,
    "close_position": True,
    "stop_price": "58000",
    "working_type": "MARK_PRICE",
    "price_protect": True,
    "binance_response": {
        "algoId": 2146760,
        "clientAlgoId": "0e6f0c1fa7c54d0f9b4c7f2f9f0f8f11",
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "positionSide": "BOTH",
        "algoStatus": "NEW",
        "triggerPrice": "58000.0",
        "workingType": "MARK_PRICE",
        "closePosition": True,
        "priceProtect": True,
    },
}
UNHEARD: dict[str, Any] = {"order_id": None, "status": "UNKNOWN", "state": "UNKNOWN", "binance_response": None}
REFUSED: dict[str, Any] = {
    "success": False,
    "error": {
        "code": "VENUE_REJECTED",
        "message": "The venue refused the order: Account has insufficient balance for requested action. (-2010)",
        "details": {
            "venue": "binance",
            "venue_code": "-2010",
            "venue_message": "Account has insufficient balance for requested action.",
            "reason": "INSUFFICIENT_BALANCE",
            "id": 812,
            "client_order_id": "n8n-4711",
            "state": "REJECTED",
        },
    },
}
WRONG: dict[str, Any] = {
    "success": False,
    "error": {
        "code": "VALIDATION_ERROR",
        "message": "timeInForce: is missing: LIMIT orders need it (and 1 more)",
        "details": {
            "errors": [
                {"path": "timeInForce", "message": "is missing: LIMIT orders need it"},
                {"path": "price", "message": "The price 60000.001 is not on the steps of 0.01."},
            ],
            "count": 2,
        },
    },
}


def _answer(
    name: str, order: dict[str, Any], status: str, *, repeated: bool = False, message: str | None = None
) -> Any:
    body = {"success": True, "data": order, "meta": {"repeated": repeated, "message": message}}
    return OpenApiExample(name, body, response_only=True, status_codes=[status])


REFUSALS = [
    OpenApiExample("Wrong parameters", WRONG, response_only=True, status_codes=["400"]),
    OpenApiExample("Refused by Binance", REFUSED, response_only=True, status_codes=["422"]),
]
SPOT_EXAMPLES = [
    OpenApiExample("Limit order", SPOT_LIMIT, request_only=True),
    OpenApiExample("Market order for 100 of the quote asset", SPOT_MARKET, request_only=True),
    _answer("Placed", ORDER, "201"),
    _answer("The same request again", ORDER, "200", repeated=True),
    _answer("Outcome not known yet", ORDER | UNHEARD, "202", message=IN_DOUBT_MESSAGE),
    *REFUSALS,
]
FUTURES_EXAMPLES = [
    OpenApiExample("USD-M: close the position at a stop", USDM_STOP, request_only=True),
    OpenApiExample("COIN-M: post-only limit order for one contract", COINM_LIMIT, request_only=True),
    _answer("Placed", STOP, "201"),
    _answer("The same request again", STOP, "200", repeated=True),
    _answer("Outcome not known yet", STOP | UNHEARD, "202", message=IN_DOUBT_MESSAGE),
    *REFUSALS,
]
ONE = [OpenApiExample("Order", {"success": True, "data": ORDER}, response_only=True, status_codes=["200"])]
LIST = [
    OpenApiExample(
        "Recent orders",
        {"success": True, "data": [ORDER], "meta": {"total": 1, "limit": 50, "offset": 0}},
        response_only=True,
        status_codes=["200"],
    )
]

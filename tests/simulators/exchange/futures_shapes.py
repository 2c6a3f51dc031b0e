"""The answers of the futures markets about orders, trades and conditional orders."""

from typing import Any

from tests.simulators.exchange.kinds import ZERO, Market, fixed
from tests.simulators.exchange.orders import Algo, Order, Trade

Body = dict[str, Any]


def placed(order: Order) -> Body:
    """Return the answer to a placement or cancellation: without average price and sums."""
    symbol = order.symbol
    digits = symbol.quantity_places
    body = {
        "clientOrderId": order.client_id,
        "cumQty": fixed(order.executed, digits),
        **_common(order),
    }
    if symbol.market is Market.COIN_M:
        del body["goodTillDate"]
    return body


def acknowledged(order: Order) -> Body:
    """Return the ACK answer: the order as it was when it was taken, before it filled."""
    body = placed(order)
    nothing = fixed(ZERO, order.symbol.quantity_places)
    return {**body, "status": "NEW", "executedQty": nothing, "cumQty": nothing, "updateTime": order.time}


def query(order: Order) -> Body:
    """Return an order as the query endpoints do, with average price and sum."""
    symbol = order.symbol
    body = {
        "avgPrice": fixed(order.average, symbol.price_places),
        "clientOrderId": order.client_id,
        **_common(order),
        "time": order.time,
    }
    if symbol.market is Market.COIN_M:
        del body["goodTillDate"]
        return {**body, "cumBase": fixed(order.worth, 8)}
    return {**body, "cumQuote": fixed(order.worth, 5)}


def history(order: Order) -> Body:
    """Return an order as `allOrders` does: with both sums and the pair."""
    body = query(order)
    body.setdefault("cumBase", fixed(order.executed, order.symbol.quantity_places))
    body.setdefault("cumQuote", fixed(order.executed * order.symbol.contract_size, 5))
    return {**body, "pair": order.symbol.pair}


def _common(order: Order) -> Body:
    symbol = order.symbol
    places, digits = symbol.price_places, symbol.quantity_places
    body = {
        "executedQty": fixed(order.executed, digits),
        "orderId": order.id,
        "origQty": fixed(order.quantity, digits),
        "price": fixed(order.price, places),
        "reduceOnly": order.reduce_only,
        "side": order.side,
        "positionSide": order.position_side,
        "status": order.status,
        "stopPrice": fixed(order.stop_price, places),
        "closePosition": order.close_position,
        "symbol": symbol.name,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "origType": order.original_type or order.type,
        "updateTime": order.updated,
        "workingType": order.working_type,
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.stp_mode,
        "goodTillDate": order.good_till,
    }
    if symbol.market is Market.COIN_M:
        body["pair"] = symbol.pair
    return body


def user_trade(trade: Trade) -> Body:
    """Return a fill as `userTrades` does; on COIN-M the base quantity counts coins, the quote quantity USD."""
    order = trade.order
    symbol = order.symbol
    coin = symbol.market is Market.COIN_M
    quote = trade.quantity * symbol.contract_size if coin else trade.worth
    return {
        "buyer": order.buys,
        "commission": fixed(trade.fee, 8),
        "commissionAsset": trade.fee_asset,
        "id": trade.id,
        "maker": trade.maker,
        "orderId": order.id,
        "price": fixed(trade.price, symbol.price_places),
        "qty": fixed(trade.quantity, symbol.quantity_places),
        "quoteQty": fixed(quote, 0 if coin else 8),
        "baseQty": fixed(trade.worth if coin else trade.quantity, 8 if coin else symbol.quantity_places),
        "marginAsset": symbol.margin,
        "realizedPnl": fixed(trade.realized, 8),
        "side": order.side,
        "positionSide": order.position_side,
        "symbol": symbol.name,
        "pair": symbol.pair,
        "time": trade.time,
    }


def algo(item: Algo) -> Body:
    """Return a conditional order as the answer to its placement."""
    order = item.order
    places, digits = order.symbol.price_places, order.symbol.quantity_places
    return {
        "algoId": item.id,
        "clientAlgoId": item.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.type,
        "symbol": order.symbol.name,
        "side": order.side,
        "positionSide": order.position_side,
        "timeInForce": order.time_in_force,
        "quantity": fixed(order.quantity, digits),
        "algoStatus": item.status,
        "triggerPrice": fixed(item.trigger, places),
        "price": fixed(order.price, places),
        "icebergQuantity": "None",
        "selfTradePreventionMode": order.stp_mode,
        "workingType": order.working_type,
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": item.price_protect,
        "reduceOnly": order.reduce_only,
        "activatePrice": fixed(item.activate, places) if item.activate else "",
        "callbackRate": str(item.callback) if item.callback else "",
        "createTime": item.created,
        "updateTime": item.updated,
        "triggerTime": item.triggered,
        "goodTillDate": order.good_till,
    }


def algo_query(item: Algo) -> Body:
    """Return a conditional order as the query endpoints do, with the order that it placed."""
    actual, symbol = item.actual, item.order.symbol
    body = algo(item)
    body.update(
        actualOrderId=str(actual.id) if actual else "",
        actualPrice=fixed(actual.average if actual else ZERO, symbol.price_places),
        actualType=actual.type if actual else "",
        actualQty=fixed(actual.executed if actual else ZERO, symbol.quantity_places),
        tpOrderType="",
    )
    return body


def algo_open(item: Algo) -> Body:
    """Return a conditional order as the lists do."""
    nothing = fixed(ZERO, item.order.symbol.price_places)
    prices = ("tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice")
    return {**algo_query(item), **dict.fromkeys(prices, nothing)}

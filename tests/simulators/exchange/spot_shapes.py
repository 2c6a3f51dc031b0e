"""The answers of the spot market about orders, trades and balances; every amount has eight decimals."""

from typing import Any

from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.kinds import ZERO, Market, fixed
from tests.simulators.exchange.orders import Order, Trade

Body = dict[str, Any]
NOTHING = "0.00000000"


def ack(order: Order) -> Body:
    """Return the shortest answer to a placement."""
    return {
        "symbol": order.symbol.name,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.time,
    }


def _amounts(order: Order) -> Body:
    return {
        "price": fixed(order.price, 8),
        "origQty": fixed(order.quantity, 8),
        "executedQty": fixed(order.executed, 8),
        "origQuoteOrderQty": fixed(order.quote_quantity, 8),
        "cummulativeQuoteQty": fixed(order.worth, 8),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def result(order: Order) -> Body:
    """Return the answer to a placement with the state of the order."""
    body = {
        **ack(order),
        **_amounts(order),
        "workingTime": order.time,
        "selfTradePreventionMode": order.stp_mode,
    }
    if order.stop_price:
        body["stopPrice"] = fixed(order.stop_price, 8)
    return body


def full(order: Order) -> Body:
    """Return the answer to a placement with its fills."""
    body = result(order)
    body["fills"] = [_fill(trade) for trade in order.trades]
    return body


def _fill(trade: Trade) -> Body:
    return {
        "price": fixed(trade.price, 8),
        "qty": fixed(trade.quantity, 8),
        "commission": fixed(trade.fee, 8),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.id,
    }


def query(order: Order) -> Body:
    """Return an order as the query endpoints do."""
    return {
        "symbol": order.symbol.name,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_amounts(order),
        "stopPrice": fixed(order.stop_price, 8),
        "icebergQty": NOTHING,
        "time": order.time,
        "updateTime": order.updated,
        "isWorking": not order.waits,
        "workingTime": -1 if order.waits else order.time,
        "selfTradePreventionMode": order.stp_mode,
    }


def cancelled(order: Order) -> Body:
    """Return the answer to a cancellation: `clientOrderId` is the cancellation's own."""
    return {
        "symbol": order.symbol.name,
        "origClientOrderId": order.client_id,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.cancel_id,
        "transactTime": order.updated,
        **_amounts(order),
        "selfTradePreventionMode": order.stp_mode,
    }


def my_trade(trade: Trade) -> Body:
    """Return a fill as `myTrades` does."""
    order = trade.order
    return {
        "symbol": order.symbol.name,
        "id": trade.id,
        "orderId": order.id,
        "orderListId": -1,
        "price": fixed(trade.price, 8),
        "qty": fixed(trade.quantity, 8),
        "quoteQty": fixed(trade.worth, 8),
        "commission": fixed(trade.fee, 8),
        "commissionAsset": trade.fee_asset,
        "time": trade.time,
        "isBuyer": order.buys,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def account(owner: Account, now: int, *, omit_zero: bool) -> Body:
    """Return the account with its balances and fees."""
    maker, taker = owner.maker_fee[Market.SPOT], owner.taker_fee[Market.SPOT]
    balances = [
        {"asset": asset, "free": fixed(balance.total - balance.held, 8), "locked": fixed(balance.held, 8)}
        for asset, balance in owner.ledgers[Market.SPOT].balances.items()
        if balance.total or not omit_zero
    ]
    return {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": fixed(maker, 8),
            "taker": fixed(taker, 8),
            "buyer": NOTHING,
            "seller": NOTHING,
        },
        "canTrade": "spot" in owner.permissions,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": owner.uid,
    }


def restrictions(owner: Account) -> Body:
    """Return what an API key may do."""
    given = owner.permissions
    return {
        "ipRestrict": owner.ip_restricted,
        "createTime": owner.created,
        "enableReading": "reading" in given,
        "enableWithdrawals": "withdrawals" in given,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": "futures" in given,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": "spot" in given,
        "enablePortfolioMarginTrading": False,
    }


def commission(owner: Account, symbol: str) -> Body:
    """Return the fees of a symbol."""
    rates = {
        "maker": fixed(owner.maker_fee[Market.SPOT], 8),
        "taker": fixed(owner.taker_fee[Market.SPOT], 8),
        "buyer": NOTHING,
        "seller": NOTHING,
    }
    nothing = dict.fromkeys(rates, fixed(ZERO, 8))
    discount = {
        "enabledForAccount": owner.fees_in_bnb,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": "0.75000000",
    }
    return {
        "symbol": symbol,
        "standardCommission": rates,
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": discount,
    }

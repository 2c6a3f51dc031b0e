"""The answers of the spot market about orders, trades and balances; every amount has eight decimals."""

from typing import Any

import msgspec

from tests.simulators.exchange.accounts import MAKER, TAKER, Account
from tests.simulators.exchange.kinds import ZERO, Market, fixed
from tests.simulators.exchange.orders import Order, Trade

Body = dict[str, Any]
NOTHING = "0.00000000"


class Fill(msgspec.Struct, rename={"asset": "commissionAsset", "number": "tradeId"}):
    """A trade in the answer to a placement."""

    price: str
    qty: str
    commission: str
    asset: str
    number: int


class Placed(msgspec.Struct, rename="camel"):
    """The answer to a placement with the state of the order: a struct, since it is written more often than all else."""

    symbol: str
    order_id: int
    order_list_id: int
    client_order_id: str
    transact_time: int
    price: str
    orig_qty: str
    executed_qty: str
    orig_quote_order_qty: str
    cummulative_quote_qty: str
    status: str
    time_in_force: str
    type: str
    side: str
    working_time: int
    self_trade_prevention_mode: str
    stop_price: str | msgspec.UnsetType = msgspec.UNSET
    fills: list[Fill] | msgspec.UnsetType = msgspec.UNSET


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


def result(order: Order) -> Placed:
    """Return the answer to a placement with the state of the order."""
    placed = Placed(
        order.symbol.name,
        order.id,
        -1,
        order.client_id,
        order.time,
        fixed(order.price, 8),
        fixed(order.quantity, 8),
        fixed(order.executed, 8),
        fixed(order.quote_quantity, 8),
        fixed(order.worth, 8),
        order.status,
        order.time_in_force,
        order.type,
        order.side,
        order.time,
        order.stp_mode,
    )
    if order.stop_price:
        placed.stop_price = fixed(order.stop_price, 8)
    return placed


def full(order: Order) -> Placed:
    """Return the answer to a placement with its fills."""
    placed = result(order)
    placed.fills = [
        Fill(fixed(trade.price, 8), fixed(trade.quantity, 8), fixed(trade.fee, 8), trade.fee_asset, trade.id)
        for trade in order.trades
    ]
    return placed


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
    maker, taker = MAKER[Market.SPOT], TAKER[Market.SPOT]
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
        "maker": fixed(MAKER[Market.SPOT], 8),
        "taker": fixed(TAKER[Market.SPOT], 8),
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

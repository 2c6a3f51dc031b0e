"""The events of the user data streams, as objects for JSON."""

from typing import Any

from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.futures_money import profit
from tests.simulators.exchange.kinds import ZERO, Market, fixed
from tests.simulators.exchange.orders import Algo, Order, Trade

Event = dict[str, Any]
ALIAS = "SgsR"


def execution_report(order: Order, kind: str, trade: Trade | None, now: int) -> Event:
    """Return the spot event of an order; `kind` is what happened (NEW, TRADE, CANCELED, EXPIRED, REJECTED)."""
    cancelled = kind == "CANCELED"
    return {
        "e": "executionReport",
        "E": now,
        "s": order.symbol.name,
        "c": order.cancel_id if cancelled else order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": fixed(order.quantity, 8),
        "p": fixed(order.price, 8),
        "P": fixed(order.stop_price, 8),
        "F": "0.00000000",
        "g": -1,
        "C": order.client_id if cancelled else "",
        "x": kind,
        "X": order.status,
        "r": "NONE",
        "i": order.id,
        "l": fixed(trade.quantity if trade else ZERO, 8),
        "z": fixed(order.executed, 8),
        "L": fixed(trade.price if trade else ZERO, 8),
        "n": fixed(trade.fee, 8) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": order.updated,
        "t": trade.id if trade else -1,
        "I": order.id * 2,
        "w": order.open and not order.waits and order.type != "MARKET",
        "m": bool(trade and trade.maker),
        "M": False,
        "O": order.time,
        "Z": fixed(order.worth, 8),
        "Y": fixed(trade.worth if trade else ZERO, 8),
        "Q": fixed(order.quote_quantity, 8),
        "W": order.time,
        "V": order.stp_mode,
    }


def account_position(order: Order, trade: Trade | None, now: int) -> Event:
    """Return the spot event of the balances that an order may have changed."""
    ledger = order.account.ledgers[Market.SPOT]
    assets = dict.fromkeys([order.symbol.base, order.symbol.quote, *([trade.fee_asset] if trade else [])])
    rows = []
    for asset in assets:
        balance = ledger.balances[asset]
        rows.append({"a": asset, "f": fixed(balance.total - balance.held, 8), "l": fixed(balance.held, 8)})
    return {"e": "outboundAccountPosition", "E": now, "u": now, "B": rows}


def order_update(order: Order, kind: str, trade: Trade | None, now: int) -> Event:
    """Return the futures event of an order."""
    symbol = order.symbol
    digits, places = symbol.quantity_places, symbol.price_places
    entry: Event = {
        "s": symbol.name,
        "c": order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": fixed(order.quantity, digits),
        "p": fixed(order.price, places),
        "ap": fixed(order.average, places),
        "sp": fixed(order.stop_price, places),
        "x": kind,
        "X": order.status,
        "i": order.id,
        "l": fixed(trade.quantity if trade else ZERO, digits),
        "z": fixed(order.executed, digits),
        "L": fixed(trade.price if trade else ZERO, places),
        "T": order.updated,
        "t": trade.id if trade else 0,
        "b": "0",
        "a": "0",
        "m": bool(trade and trade.maker),
        "R": order.reduce_only,
        "wt": order.working_type,
        "ot": order.original_type or order.type,
        "ps": order.position_side,
        "cp": order.close_position,
        "pP": False,
        "si": 0,
        "ss": 0,
        "rp": fixed(trade.realized if trade else ZERO, 8),
        "V": order.stp_mode,
        "pm": "NONE",
        "gtd": order.good_till,
        "er": str(order.expiry),
    }
    if trade:
        entry.update(N=trade.fee_asset, n=fixed(trade.fee, 8))
    if symbol.market is Market.COIN_M:
        entry["ma"] = symbol.margin
    event = {"e": "ORDER_TRADE_UPDATE", "T": order.updated, "E": now, "o": entry}
    return {**event, "i": ALIAS} if symbol.market is Market.COIN_M else event


def trade_lite(order: Order, trade: Trade, now: int) -> Event:
    """Return the short futures event of a trade."""
    symbol = order.symbol
    return {
        "e": "TRADE_LITE",
        "E": now,
        "T": trade.time,
        "s": symbol.name,
        "c": order.client_id,
        "S": order.side,
        "q": fixed(order.quantity, symbol.quantity_places),
        "p": fixed(order.price, symbol.price_places),
        "i": order.id,
        "l": fixed(trade.quantity, symbol.quantity_places),
        "L": fixed(trade.price, symbol.price_places),
        "t": trade.id,
        "m": trade.maker,
    }


def account_update(order: Order, trade: Trade, book: Book, now: int) -> Event:
    """Return the futures event of the balance and the position that a trade changed."""
    account, symbol = order.account, order.symbol
    ledger = account.ledgers[symbol.market]
    wallet = fixed(ledger.balances[symbol.margin].total, 8)
    position = ledger.position(symbol.name, order.position_side)
    isolated = ledger.settings[symbol.name].isolated
    held = {
        "s": symbol.name,
        "pa": fixed(position.amount, symbol.quantity_places),
        "ep": fixed(position.entry, symbol.price_places),
        "bep": fixed(position.entry, symbol.price_places),
        "cr": fixed(position.realized, 8),
        "up": fixed(profit(symbol, position.amount, position.entry, book.mark), 8),
        "mt": "isolated" if isolated else "cross",
        "iw": "0",
        "ps": position.side,
    }
    balance = {"a": symbol.margin, "wb": wallet, "cw": wallet, "bc": "0"}
    event: Event = {"e": "ACCOUNT_UPDATE", "T": trade.time, "E": now, "a": {"m": "ORDER", "B": [balance], "P": [held]}}
    return {**event, "i": ALIAS} if symbol.market is Market.COIN_M else event


def algo_update(algo: Algo, now: int) -> Event:
    """Return the futures event of a conditional order."""
    order, actual = algo.order, algo.actual
    places, digits = order.symbol.price_places, order.symbol.quantity_places
    return {
        "e": "ALGO_UPDATE",
        "T": algo.updated,
        "E": now,
        "o": {
            "caid": algo.client_id,
            "aid": algo.id,
            "at": "CONDITIONAL",
            "o": order.type,
            "s": order.symbol.name,
            "S": order.side,
            "ps": order.position_side,
            "f": order.time_in_force,
            "q": fixed(order.quantity, digits),
            "X": algo.status,
            "ai": str(actual.id) if actual else "",
            "ap": fixed(actual.average if actual else ZERO, places),
            "aq": fixed(actual.executed if actual else ZERO, digits),
            "act": actual.type if actual else "0",
            "tp": fixed(algo.trigger, places),
            "p": fixed(order.price, places),
            "V": order.stp_mode,
            "wt": order.working_type,
            "pm": "NONE",
            "cp": order.close_position,
            "pP": algo.price_protect,
            "R": order.reduce_only,
            "tt": algo.triggered,
            "gtd": order.good_till,
            "rm": algo.reason,
        },
    }


def leverage_update(account: Account, market: Market, symbol: str, now: int) -> Event:
    """Return the futures event of a new leverage."""
    leverage = account.ledgers[market].settings[symbol].leverage
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": {"s": symbol, "l": leverage}}

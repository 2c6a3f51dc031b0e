"""The account in the futures markets: balances, positions, and its settings."""

from typing import Any

from tests.simulators.exchange import events
from tests.simulators.exchange import futures_account_shapes as shapes
from tests.simulators.exchange.accounts import MAKER, TAKER, Account
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.calls import Call
from tests.simulators.exchange.kinds import FUTURES, Market, fixed
from tests.simulators.exchange.refusals import Refusal, missing

MOST_LEVERAGE = 125
SUCCESS = {"code": 200, "msg": "success"}


def balance(call: Call) -> Any:
    """GET balance."""
    money, ledger = call.venue.engine.futures[call.market], call.ledger
    assets = list(ledger.balances)
    return [shapes.balance(asset, money.margin(ledger, asset), call.now, call.market) for asset in assets]


def account(call: Call) -> Any:
    """GET fapi v2 account and dapi v1 account."""
    venue, market = call.venue, call.market
    return shapes.account_v2(call.owner, venue.engine.futures[market], market, venue.books[market], call.now)


def account_v3(call: Call) -> Any:
    """GET fapi v3 account."""
    venue, market = call.venue, call.market
    return shapes.account_v3(call.owner, venue.engine.futures[market], venue.books[market], call.now)


def position_risk(call: Call) -> Any:
    """GET fapi v2 positionRisk and dapi v1 positionRisk: every symbol."""
    return [
        shapes.risk(call.ledger, book, position)
        for book in _books(call)
        for position in shapes.sides(call.ledger, book.symbol, hedge=call.owner.hedge)
    ]


def position_risk_v3(call: Call) -> Any:
    """GET fapi v3 positionRisk: only symbols with a position or open orders."""
    ledger = call.ledger
    ordered = {order.symbol.name for order in ledger.open.values()}
    return [
        shapes.risk_v3(ledger, book, position)
        for book in _books(call)
        for position in shapes.sides(ledger, book.symbol, hedge=call.owner.hedge)
        if position.amount or book.symbol.name in ordered
    ]


def _books(call: Call) -> list[Book]:
    params = call.params
    if params.get("symbol"):
        return [call.book]
    pair, asset = params.get("pair"), params.get("marginAsset")
    books = call.venue.books[call.market].values()
    return [book for book in books if pair in {"", book.symbol.pair} and asset in {"", book.symbol.margin}]


def leverage(call: Call) -> Any:
    """POST leverage of one symbol, 1 to 125."""
    symbol, value = call.book.symbol, call.params.number("leverage")
    if value is None:
        raise missing("leverage")
    if not 1 <= value <= MOST_LEVERAGE:
        raise Refusal(-4028, f"Leverage {value} is not valid")
    call.ledger.settings[symbol.name].leverage = value
    place = (call.market, call.owner.key)
    if call.venue.hub.listens(place):
        call.venue.hub.add(place, events.leverage_update(call.owner, call.market, symbol.name, call.now))
    coin = call.market is Market.COIN_M
    most = {"maxQty": shapes.MOST_CONTRACTS} if coin else {"maxNotionalValue": shapes.MOST_NOTIONAL}
    return {"leverage": value, **most, "symbol": symbol.name}


def margin_type(call: Call) -> Any:
    """POST marginType of one symbol."""
    symbol, value = call.book.symbol, call.params.text("marginType")
    if value not in {"ISOLATED", "CROSSED"}:
        raise missing("marginType")
    setting = call.ledger.settings[symbol.name]
    if setting.isolated == (value == "ISOLATED"):
        raise Refusal(-4046)
    if call.ledger.has_orders(symbol.name):
        raise Refusal(-4047)
    if call.ledger.has_position(symbol.name):
        raise Refusal(-4048)
    setting.isolated = value == "ISOLATED"
    return SUCCESS


def symbol_config(call: Call) -> Any:
    """GET symbolConfig, of one symbol or of all."""
    rows = []
    for book in _books(call):
        setting = call.ledger.settings[book.symbol.name]
        rows.append(
            {
                "symbol": book.symbol.name,
                "marginType": "ISOLATED" if setting.isolated else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": setting.leverage,
                "maxNotionalValue": shapes.MOST_NOTIONAL,
            }
        )
    return rows


def position_mode(call: Call) -> Any:
    """GET positionSide/dual."""
    return {"dualSidePosition": call.owner.hedge}


def set_position_mode(call: Call) -> Any:
    """POST positionSide/dual; both futures markets share one mode."""
    call.params.text("dualSidePosition")
    set_hedge(call.owner, hedge=call.params.flag("dualSidePosition"))
    return SUCCESS


def set_hedge(owner: Account, *, hedge: bool) -> None:
    """Change the mode of an account (-4059 where it is so already, -4067 with orders, -4068 with positions)."""
    if owner.hedge == hedge:
        raise Refusal(-4059)
    if any(owner.ledgers[market].has_orders() for market in FUTURES):
        raise Refusal(-4067)
    if any(owner.ledgers[market].has_position() for market in FUTURES):
        raise Refusal(-4068)
    owner.hedge = hedge


def commission_rate(call: Call) -> Any:
    """GET commissionRate of one symbol."""
    market = call.market
    return {
        "symbol": call.book.symbol.name,
        "makerCommissionRate": fixed(MAKER[market], 6),
        "takerCommissionRate": fixed(TAKER[market], 6),
    }


def open_listen_key(call: Call) -> Any:
    """POST listenKey."""
    return {"listenKey": call.venue.hub.open_key((call.market, call.owner.key))}


def extend_listen_key(call: Call) -> Any:
    """PUT listenKey (-1125 where it is gone)."""
    return {"listenKey": call.venue.hub.extend_key((call.market, call.owner.key))}


def close_listen_key(call: Call) -> Any:
    """DELETE listenKey."""
    call.venue.hub.close_key((call.market, call.owner.key))
    return {}

"""The answers of the futures markets about balances, margins and positions."""

from collections.abc import Iterator
from typing import Any

from tests.simulators.exchange.accounts import Account, Ledger, Position
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.futures_money import MAINTENANCE, FuturesMoney, Margin, profit
from tests.simulators.exchange.kinds import ZERO, Market, fixed
from tests.simulators.exchange.symbols import Symbol

Body = dict[str, Any]
NOTHING = "0.00000000"
MOST_NOTIONAL, MOST_CONTRACTS = "40000000", "50"


def sides(ledger: Ledger, symbol: Symbol, *, hedge: bool) -> Iterator[Position]:
    """Yield the positions of a symbol in the account's mode, empty ones included."""
    for side in ("LONG", "SHORT") if hedge else ("BOTH",):
        yield ledger.positions.get((symbol.name, side)) or Position(symbol.name, side)


def risk(ledger: Ledger, book: Book, position: Position) -> Body:
    """Return a position as the first versions of positionRisk do."""
    symbol, setting = book.symbol, ledger.settings[position.symbol]
    worth = symbol.value(position.amount, book.mark)
    body = {
        "symbol": symbol.name,
        "positionAmt": fixed(position.amount, symbol.quantity_places),
        "entryPrice": fixed(position.entry, max(symbol.price_places, 8)),
        "breakEvenPrice": fixed(position.entry, max(symbol.price_places, 8)),
        "markPrice": fixed(book.mark, 8),
        "unRealizedProfit": fixed(profit(symbol, position.amount, position.entry, book.mark), 8),
        "liquidationPrice": "0",
        "leverage": str(setting.leverage),
        "marginType": "isolated" if setting.isolated else "cross",
        "isolatedMargin": fixed(abs(worth) / setting.leverage if setting.isolated else ZERO, 8),
        "isAutoAddMargin": "false",
        "positionSide": position.side,
        "updateTime": position.updated,
    }
    if symbol.market is Market.COIN_M:
        return {**body, "maxQty": MOST_CONTRACTS}
    return {**body, "maxNotionalValue": MOST_NOTIONAL, "notional": fixed(worth, 8), "isolatedWallet": "0"}


def risk_v3(ledger: Ledger, book: Book, position: Position) -> Body:
    """Return a position as the third version of positionRisk does."""
    body = risk(ledger, book, position)
    for name in ("leverage", "marginType", "maxNotionalValue", "isAutoAddMargin"):
        del body[name]
    worth = abs(book.symbol.value(position.amount, book.mark))
    initial = fixed(worth / ledger.settings[position.symbol].leverage, 8)
    return {
        **body,
        "marginAsset": book.symbol.margin,
        "initialMargin": initial,
        "maintMargin": fixed(worth * MAINTENANCE, 8),
        "positionInitialMargin": initial,
        "openOrderInitialMargin": "0",
        "adl": 2,
        "bidNotional": "0",
        "askNotional": "0",
    }


def balance(asset: str, margin: Margin, now: int, market: Market) -> Body:
    """Return one asset as the balance endpoints do."""
    body = {
        "accountAlias": "SgsR",
        "asset": asset,
        "balance": fixed(margin.wallet, 8),
        "crossWalletBalance": fixed(margin.wallet, 8),
        "crossUnPnl": fixed(margin.unrealized, 8),
        "availableBalance": fixed(margin.available, 8),
        "updateTime": now,
    }
    if market is Market.COIN_M:
        return {**body, "withdrawAvailable": fixed(margin.available, 8)}
    return {**body, "maxWithdrawAmount": fixed(margin.available, 8), "marginAvailable": True}


def _asset(asset: str, margin: Margin, now: int) -> Body:
    return {
        "asset": asset,
        "walletBalance": fixed(margin.wallet, 8),
        "unrealizedProfit": fixed(margin.unrealized, 8),
        "marginBalance": fixed(margin.wallet + margin.unrealized, 8),
        "maintMargin": fixed(margin.maintenance, 8),
        "initialMargin": fixed(margin.positions + margin.orders, 8),
        "positionInitialMargin": fixed(margin.positions, 8),
        "openOrderInitialMargin": fixed(margin.orders, 8),
        "crossWalletBalance": fixed(margin.wallet, 8),
        "crossUnPnl": fixed(margin.unrealized, 8),
        "availableBalance": fixed(margin.available, 8),
        "maxWithdrawAmount": fixed(margin.available, 8),
        "updateTime": now,
    }


def _totals(margin: Margin) -> Body:
    return {
        "totalInitialMargin": fixed(margin.positions + margin.orders, 8),
        "totalMaintMargin": fixed(margin.maintenance, 8),
        "totalWalletBalance": fixed(margin.wallet, 8),
        "totalUnrealizedProfit": fixed(margin.unrealized, 8),
        "totalMarginBalance": fixed(margin.wallet + margin.unrealized, 8),
        "totalPositionInitialMargin": fixed(margin.positions, 8),
        "totalOpenOrderInitialMargin": fixed(margin.orders, 8),
        "totalCrossWalletBalance": fixed(margin.wallet, 8),
        "totalCrossUnPnl": fixed(margin.unrealized, 8),
        "availableBalance": fixed(margin.available, 8),
        "maxWithdrawAmount": fixed(margin.available, 8),
    }


def _position(ledger: Ledger, book: Book, position: Position) -> Body:
    worth = book.symbol.value(position.amount, book.mark)
    initial = fixed(abs(worth) / ledger.settings[position.symbol].leverage, 8)
    return {
        "symbol": position.symbol,
        "positionSide": position.side,
        "positionAmt": fixed(position.amount, book.symbol.quantity_places),
        "unrealizedProfit": fixed(profit(book.symbol, position.amount, position.entry, book.mark), 8),
        "initialMargin": initial,
        "maintMargin": fixed(abs(worth) * MAINTENANCE, 8),
        "updateTime": position.updated,
    }


def _position_v3(ledger: Ledger, book: Book, position: Position) -> Body:
    worth = book.symbol.value(position.amount, book.mark)
    wallet = {"isolatedMargin": NOTHING, "notional": fixed(worth, 8), "isolatedWallet": "0"}
    return {**_position(ledger, book, position), **wallet}


def _position_v2(ledger: Ledger, book: Book, position: Position) -> Body:
    setting, places = ledger.settings[position.symbol], max(book.symbol.price_places, 8)
    body = _position(ledger, book, position)
    common = {
        **body,
        "positionInitialMargin": body["initialMargin"],
        "openOrderInitialMargin": "0",
        "leverage": str(setting.leverage),
        "isolated": setting.isolated,
        "entryPrice": fixed(position.entry, places),
    }
    if book.symbol.market is Market.COIN_M:
        worth = fixed(book.symbol.value(position.amount, book.mark), 8)
        more = {"breakEvenPrice": fixed(position.entry, places), "maxQty": MOST_CONTRACTS, "notionalValue": worth}
    else:
        more = {"maxNotional": MOST_NOTIONAL, "bidNotional": "0", "askNotional": "0"}
    return {**common, **more}


def account_v3(owner: Account, money: FuturesMoney, books: dict[str, Book], now: int) -> Body:
    """Return the account with the symbols that have a position or orders; totals are in USDT."""
    ledger = owner.ledgers[Market.USD_M]
    active = {position.symbol for position in ledger.positions.values() if position.amount}
    active.update(order.symbol.name for order in ledger.open.values())
    return {
        **_totals(money.margin(ledger, "USDT")),
        "assets": [_asset(asset, money.margin(ledger, asset), now) for asset in list(ledger.balances)],
        "positions": [
            _position_v3(ledger, books[name], position)
            for name in sorted(active)
            for position in sides(ledger, books[name].symbol, hedge=owner.hedge)
        ],
    }


def account_v2(owner: Account, money: FuturesMoney, market: Market, books: dict[str, Book], now: int) -> Body:
    """Return the account with every symbol; COIN-M has no totals, since its assets do not add up."""
    ledger = owner.ledgers[market]
    body: Body = {
        "feeTier": 0,
        "canTrade": "futures" in owner.permissions,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "assets": [_asset(asset, money.margin(ledger, asset), now) for asset in list(ledger.balances)],
        "positions": [
            _position_v2(ledger, book, position)
            for book in books.values()
            for position in sides(ledger, book.symbol, hedge=owner.hedge)
        ],
    }
    if market is Market.COIN_M:
        return body
    for row in body["assets"]:
        row["marginAvailable"] = True
    extra = {"feeBurn": True, "multiAssetsMargin": False, "tradeGroupId": -1}
    return {**body, **extra, **_totals(money.margin(ledger, "USDT"))}

"""The filters of exchangeInfo, applied to an order in Decimal with the words that Binance uses."""

from decimal import Decimal
from functools import lru_cache

from tests.simulators.exchange.books import Book
from tests.simulators.exchange.kinds import COIN, SPOT, fixed, unit
from tests.simulators.exchange.orders import Order
from tests.simulators.exchange.refusals import Refusal, filtered, rejected
from tests.simulators.exchange.symbols import Range, Symbol

AT_MARKET = frozenset({"MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})


def check(order: Order, book: Book) -> None:
    """Refuse an order that does not pass the filters of its symbol."""
    if order.symbol.market is SPOT:
        _check_spot(order.symbol, order.type, order.quantity, order.price, order.stop_price, book.price)
    else:
        _check_futures(order, book)


def _within(value: Decimal, allowed: Range) -> bool:
    if allowed.least and value < allowed.least:
        return False
    if allowed.most and value > allowed.most:
        return False
    return not allowed.step or not value % allowed.step


@lru_cache(maxsize=1000)  # a fan-out asks for the same again and again
def _check_spot(
    symbol: Symbol, kind: str, quantity: Decimal, price: Decimal, stop_price: Decimal, market_price: Decimal
) -> None:
    if quantity % COIN:
        raise Refusal(-1111, "Parameter 'quantity' has too much precision.")
    _check_spot_prices(symbol, price, stop_price)
    if price and not market_price * symbol.down <= price <= market_price * symbol.up:
        raise filtered("PERCENT_PRICE_BY_SIDE")
    _check_spot_quantity(symbol, kind, quantity)
    worth = quantity * (price or stop_price or market_price)
    too_much = symbol.most_notional and worth > symbol.most_notional and kind != "MARKET"
    if worth < symbol.least_notional or too_much:
        raise filtered("NOTIONAL")


def _check_spot_quantity(symbol: Symbol, kind: str, quantity: Decimal) -> None:
    if not quantity:
        raise rejected("Price * QTY is zero or less.")
    if not _within(quantity, symbol.lots):
        raise filtered("LOT_SIZE")
    if kind == "MARKET" and not _within(quantity, symbol.market_lots):
        raise filtered("MARKET_LOT_SIZE")


def _check_spot_prices(symbol: Symbol, price: Decimal, stop_price: Decimal) -> None:
    for name, value in (("price", price), ("stopPrice", stop_price)):
        if value % COIN:
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
    for value in (price, stop_price):
        if value and not _within(value, symbol.prices):
            raise filtered("PRICE_FILTER")


def _check_futures(order: Order, book: Book) -> None:
    if not order.close_position:
        _check_futures_quantity(order)
    if order.type not in AT_MARKET:
        _check_futures_price(order, book)
    # In hedge mode an order against its position can only close, as reduceOnly does in the other mode.
    closes = order.position_side != "BOTH" and (order.position_side == "LONG") != order.buys
    if not (order.close_position or order.reduce_only or closes):
        _check_notional(order, book)


def check_trigger(order: Order, trigger: Decimal) -> None:
    """Refuse the trigger price of a conditional futures order that is off the tick or out of range."""
    _check_range(order, trigger)


def _check_futures_quantity(order: Order) -> None:
    symbol, quantity = order.symbol, order.quantity
    if quantity <= 0:
        raise Refusal(-4003)
    if _too_precise(quantity, symbol.quantity_places):
        raise Refusal(-1111)
    lots = symbol.market_lots if order.type in AT_MARKET else symbol.lots
    if quantity < lots.least:
        raise Refusal(-4004)
    if quantity > lots.most:
        raise Refusal(-4005)
    if (quantity - lots.least) % lots.step:
        raise Refusal(-4023)


def _check_range(order: Order, price: Decimal) -> None:
    symbol = order.symbol
    if price <= 0:
        raise Refusal(-4001)
    if _too_precise(price, symbol.price_places):
        raise Refusal(-1111)
    if price < symbol.prices.least:
        raise Refusal(-4013)
    if price > symbol.prices.most:
        raise Refusal(-4002)
    if (price - symbol.prices.least) % symbol.prices.step:
        raise Refusal(-4014)


def _check_futures_price(order: Order, book: Book) -> None:
    symbol = order.symbol
    _check_range(order, order.price)
    if order.type != "LIMIT":
        return  # the band counts when a conditional order triggers
    highest, lowest = book.mark * symbol.up, book.mark * symbol.down
    if order.buys and order.price > highest:
        raise Refusal(-4016, f"Limit price can't be higher than {fixed(highest, symbol.price_places)}.")
    if not order.buys and order.price < lowest:
        raise Refusal(-4024, f"Limit price can't be lower than {fixed(lowest, symbol.price_places)}.")


def _check_notional(order: Order, book: Book) -> None:
    least = order.symbol.least_notional
    if least and order.quantity * (order.price or book.mark) < least:
        raise Refusal(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def _too_precise(value: Decimal, places: int) -> bool:
    return bool(value % unit(places))

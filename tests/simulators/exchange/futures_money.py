"""The money of the futures markets: margins, positions, profits and fees. COIN-M counts in coins."""

from dataclasses import dataclass
from decimal import Decimal

from tests.simulators.exchange.accounts import MAKER, TAKER, Account, Ledger, Position
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.kinds import ZERO, Market, booked
from tests.simulators.exchange.orders import Order, Trade
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.symbols import Symbol

MAINTENANCE = Decimal("0.004")  # the first bracket of the large symbols; it only fills a field


def profit(symbol: Symbol, amount: Decimal, entry: Decimal, price: Decimal) -> Decimal:
    """Return what a signed amount has gained from entry to price, in the margin asset."""
    if not amount:
        return ZERO
    if symbol.market is Market.COIN_M:
        return amount * symbol.contract_size * (1 / entry - 1 / price)
    return amount * (price - entry)


def mean_entry(symbol: Symbol, position: Position, quantity: Decimal, price: Decimal) -> Decimal:
    """Return the entry price of a position to which a quantity was added."""
    held = abs(position.amount)
    if not held:
        return price
    if symbol.market is Market.COIN_M:
        return (held + quantity) / (held / position.entry + quantity / price)
    return (held * position.entry + quantity * price) / (held + quantity)


@dataclass(slots=True)
class Margin:
    """Sums of one asset of a futures ledger."""

    wallet: Decimal
    unrealized: Decimal
    positions: Decimal
    orders: Decimal
    maintenance: Decimal

    @property
    def available(self) -> Decimal:
        """Return what new positions may use."""
        return max(ZERO, self.wallet + self.unrealized - self.positions - self.orders)


class FuturesMoney:
    """Moves balances and positions of one futures market."""

    def __init__(self, market: Market, books: dict[str, Book]) -> None:
        self._market = market
        self._books = books

    def margin(self, ledger: Ledger, asset: str) -> Margin:
        """Return the sums of an asset."""
        balance = ledger.balances[asset]
        result = Margin(balance.total, ZERO, ZERO, balance.held, ZERO)
        for position in ledger.positions.values():
            book = self._books[position.symbol]
            if position.amount and book.symbol.margin == asset:
                worth = book.symbol.value(abs(position.amount), book.mark)
                result.unrealized += profit(book.symbol, position.amount, position.entry, book.mark)
                result.positions += worth / ledger.settings[position.symbol].leverage
                result.maintenance += worth * MAINTENANCE
        return result

    def reserve(self, order: Order, fills: list[tuple[Decimal, Decimal]], *, rests: bool) -> None:
        """Set aside the margin of what the order may open; -2019 where the account is too poor."""
        symbol, ledger = order.symbol, order.account.ledgers[self._market]
        order.held_asset = symbol.margin
        opening = max(ZERO, order.quantity - reducible(order))
        if order.reduce_only or not opening:
            return
        price = order.price if rests else max((price for _, price in fills), default=self._books[symbol.name].price)
        amount = booked(symbol.value(opening, price) / ledger.settings[symbol.name].leverage)
        if self.margin(ledger, symbol.margin).available < amount:
            raise Refusal(-2019)
        ledger.balances[symbol.margin].held += amount
        order.held = amount

    def release(self, order: Order, quantity: Decimal) -> None:
        """Give back what was set aside for a part of the order."""
        if not order.held:
            return
        remaining = order.remaining
        part = order.held if quantity >= remaining else booked(order.held * quantity / remaining)
        order.account.ledgers[self._market].balances[order.held_asset].held -= part
        order.held -= part

    def settle(self, order: Order, trade: Trade) -> None:
        """Change the position, and book profit and fee."""
        ledger, symbol = order.account.ledgers[self._market], order.symbol
        position = ledger.position(symbol.name, order.position_side)
        signed = trade.quantity if order.buys else -trade.quantity
        trade.realized = booked(_apply(symbol, position, signed, trade.price))
        rates = MAKER if trade.maker else TAKER
        trade.fee, trade.fee_asset = booked(trade.worth * rates[self._market]), symbol.margin
        position.realized += trade.realized
        position.updated = trade.time
        ledger.balances[symbol.margin].total += trade.realized - trade.fee


def _apply(symbol: Symbol, position: Position, signed: Decimal, price: Decimal) -> Decimal:
    """Add a signed quantity to a position; return what that realized."""
    if position.amount * signed >= 0:
        position.entry = mean_entry(symbol, position, abs(signed), price)
        position.amount += signed
        return ZERO
    closed = min(abs(signed), abs(position.amount))
    direction = 1 if position.amount > 0 else -1
    realized = profit(symbol, closed * direction, position.entry, price)
    turned = abs(signed) > abs(position.amount)
    position.amount += signed
    if not position.amount:
        position.entry = ZERO
    elif turned:
        position.entry = price
    return realized


def reducible(order: Order) -> Decimal:
    """Return how much of the order's position an order of this side would close."""
    return closable(order.account, order.symbol, order.side, order.position_side)


def closable(account: Account, symbol: Symbol, side: str, position_side: str) -> Decimal:
    """Return how much of a position an order of this side would close."""
    position = account.ledgers[symbol.market].positions.get((symbol.name, position_side))
    if position is None or (position.amount > 0) == (side == "BUY"):
        return ZERO
    return abs(position.amount)

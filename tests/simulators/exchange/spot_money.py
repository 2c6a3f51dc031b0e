"""The money of the spot market: what an order sets aside, and what a trade moves."""

from decimal import Decimal
from functools import lru_cache

from tests.simulators.exchange.accounts import MAKER, TAKER, Ledger
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.kinds import SPOT, ZERO, booked
from tests.simulators.exchange.orders import Order, Trade
from tests.simulators.exchange.refusals import rejected
from tests.simulators.exchange.symbols import value_of

BNB_DISCOUNT = Decimal("0.75")
POOR = "Account has insufficient balance for requested action."


class SpotMoney:
    """Moves balances of the spot market."""

    def __init__(self, books: dict[str, Book]) -> None:
        self._books = books

    def reserve(self, order: Order, fills: list[tuple[Decimal, Decimal]], *, rests: bool) -> None:
        """Set aside what the order may cost; -2010 where the account is too poor."""
        ledger = order.account.ledgers[SPOT]
        if order.side == "BUY":
            asset, amount = order.symbol.quote, self._cost(order, fills, rests=rests)
        else:
            asset, amount = order.symbol.base, order.quantity
        balance = ledger.balances[asset]
        if balance.total - balance.held < amount:
            raise rejected(POOR)
        balance.held += amount
        order.held, order.held_asset = amount, asset

    @staticmethod
    def _cost(order: Order, fills: list[tuple[Decimal, Decimal]], *, rests: bool) -> Decimal:
        filled = ZERO
        for quantity, price in fills:
            part = value_of(order.symbol, quantity, price)
            filled = filled + part if filled else part
        if not rests:
            return filled
        # Fills at better prices than the limit give the difference back.
        return max(filled, order.quantity * (order.price or order.stop_price))

    def release(self, order: Order, quantity: Decimal) -> None:
        """Give back what was set aside for a part of the order."""
        part, left, remaining = order.held, ZERO, order.quantity - order.executed
        if quantity < remaining:
            part = booked(part * quantity / remaining)
            left = order.held - part
        balance = order.account.ledgers[SPOT].balances[order.held_asset]
        balance.held = balance.held - part or ZERO
        order.held = left

    def settle(self, order: Order, trade: Trade) -> None:
        """Exchange the assets of a trade and take its fee."""
        ledger, symbol = order.account.ledgers[SPOT], order.symbol
        balances = ledger.balances
        gained, received, lost, given = symbol.base, trade.quantity, symbol.quote, trade.worth
        if order.side != "BUY":
            gained, received, lost, given = lost, given, gained, received
        balances[gained].total += received
        balances[lost].total -= given
        asset, fee = gained, _fee(received, maker=trade.maker)
        if order.account.fees_in_bnb:
            asset, fee = self._payable(order, ledger, asset, fee, trade.price)
        trade.fee_asset, trade.fee = asset, fee
        balances[asset].total -= fee

    @staticmethod
    def swap(order: Order, ledger: Ledger, worth: Decimal) -> tuple[str, Decimal]:
        """Exchange the assets of an order that fills wholly at once; return asset and amount of its fee.

        -2010 where the account is too poor.
        """
        symbol, balances = order.symbol, ledger.balances
        gained, received, lost, given = symbol.base, order.quantity, symbol.quote, worth
        if order.side != "BUY":
            gained, received, lost, given = lost, given, gained, received
        payer = balances[lost]
        if payer.total - payer.held < given:
            raise rejected(POOR)
        payer.total -= given
        payee, fee = balances[gained], _fee(received, maker=False)
        payee.total = payee.total + received - fee
        return gained, fee

    def _payable(self, order: Order, ledger: Ledger, asset: str, fee: Decimal, price: Decimal) -> tuple[str, Decimal]:
        """Return asset and amount of a fee that is to be paid in BNB: that, where the account has enough."""
        rate = self._books.get(f"BNB{order.symbol.quote}")
        if rate is None:
            return asset, fee
        worth = fee * price if order.buys else fee
        amount = booked(worth * BNB_DISCOUNT / rate.price)
        return ("BNB", amount) if ledger.balances["BNB"].total >= amount else (asset, fee)


@lru_cache(maxsize=10_000)
def _fee(received: Decimal, *, maker: bool) -> Decimal:
    return booked(received * (MAKER if maker else TAKER)[SPOT])

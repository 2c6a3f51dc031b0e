"""How an invented leader trades: opens, adds, reduces, closes, turns, and may lose everything (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from copytrade.ops.demo.market import Market, as_hours, happens
from copytrade.ops.demo.personas import Persona

LONG, SHORT = "LONG", "SHORT"
OPPOSITE = {LONG: SHORT, SHORT: LONG}
HOURS_A_DAY = 24
PRICE_UNIT = Decimal(10_000)
ENTRY_PLACES = RESULT_PLACES = Decimal("0.00000001")
MOST_STAKES = 4  # in one position, except for those who double
MOST_BALANCES = 12  # in one position, for those who double
BROKE_BELOW = Decimal("0.1")  # of the deposit: then positions are liquidated
LONGEST_ACTIVITY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade as the source lists it; `position_side` is BOTH in one-way mode, `result` is 0 on opens."""

    at: datetime
    symbol: str
    buy: bool
    position_side: str
    amount: Decimal
    price: Decimal
    result: Decimal = Decimal(0)


@dataclass(slots=True)
class Holding:
    """An open position; the amount is positive on both sides."""

    symbol: str
    side: str
    amount: Decimal
    entry: Decimal

    def result(self, amount: Decimal, price: Decimal) -> Decimal:
        """Return what closing this amount at this price brings."""
        difference = price - self.entry if self.side == LONG else self.entry - price
        return (difference * amount).quantize(RESULT_PLACES)

    def gain(self, price: Decimal) -> Decimal:
        """Return the gain as a share of the entry price, in the unit of a persona's target and stop."""
        return self.result(Decimal(1), price) / self.entry * PRICE_UNIT

    def add(self, amount: Decimal, price: Decimal) -> None:
        """Buy more; the entry price becomes the average."""
        total = self.amount + amount
        self.entry = ((self.entry * self.amount + price * amount) / total).quantize(ENTRY_PLACES)
        self.amount = total


class Leader:
    """A persona at work; `until` is how far its life has been told, `fills` what was not reported yet."""

    def __init__(
        self,
        persona: Persona,
        market: Market,
        rng: Random,
        *,
        until: datetime,
        realized: Decimal = Decimal(0),
        holdings: Iterable[Holding] = (),
    ) -> None:
        self.persona = persona
        self.market = market
        self.until = until
        self.balance = persona.deposit + realized
        self.holdings = {(holding.symbol, holding.side): holding for holding in holdings}
        self.fills: list[Fill] = []
        self._rng = rng
        self._clock = until
        self._pause = timedelta(0)

    @property
    def broke(self) -> bool:
        """Return whether there is too little money left to trade."""
        return self.balance < self.persona.deposit * BROKE_BELOW

    def live(self, until: datetime, speed: int = 1) -> None:
        """Trade up to a moment; `speed` is how many hours of the world pass in one of that time."""
        span = until - self.until
        self._clock = max(self.until, until - LONGEST_ACTIVITY)
        self._pause = (until - self._clock) / 50
        self._watch()
        if not self.broke and happens(as_hours(span) * speed * self.persona.orders_a_day / HOURS_A_DAY, self._rng):
            self._trade(self._rng.choice(self.persona.symbols))
        self.until = until

    def unrealized(self) -> Decimal:
        """Return what closing everything now would bring."""
        return sum((held.result(held.amount, self._price(held)) for held in self.holdings.values()), Decimal(0))

    def close_all(self) -> None:
        """Become flat."""
        for holding in list(self.holdings.values()):
            self._close(holding, holding.amount)

    def _watch(self) -> None:
        """Take profits and end losses."""
        if self.balance + self.unrealized() < self.persona.deposit * BROKE_BELOW:
            self.close_all()
        for holding in list(self.holdings.values()):
            gain = holding.gain(self._price(holding))
            if gain >= self.persona.target:
                self._close(holding, holding.amount)
            elif gain <= -self.persona.stop:
                self._bear_loss(holding)

    def _bear_loss(self, holding: Holding) -> None:
        """End a loss; who doubles instead does so while the money lasts, and then hopes."""
        if not self.persona.doubles:
            self._close(holding, holding.amount)
        elif holding.amount * 2 * self._price(holding) <= self.balance * MOST_BALANCES:
            self._open(holding.symbol, holding.side, holding.amount)

    def _trade(self, symbol: str) -> None:
        """Do one thing in a symbol: whichever suits what is held of it."""
        held = [self.holdings[symbol, side] for side in (LONG, SHORT) if (symbol, side) in self.holdings]
        if not held:
            self._open(symbol, self._direction(symbol), self._stake(symbol))
        elif self.persona.hedges and len(held) == 1:
            self._open(symbol, OPPOSITE[held[0].side], self._stake(symbol))
        elif not self.persona.doubles:
            self._change(self._rng.choice(held))

    def _change(self, holding: Holding) -> None:
        """Add where it seems to go on, else reduce, close or turn."""
        large = holding.amount * self._price(holding) > self.persona.stake * MOST_STAKES
        if self._direction(holding.symbol) == holding.side:
            if not large:
                self._open(holding.symbol, holding.side, self._stake(holding.symbol) / 2)
        elif self.persona.hedges or self._rng.randrange(2):
            self._close(holding, holding.amount / 2 if large else holding.amount)
        else:
            self._turn(holding)

    def _turn(self, holding: Holding) -> None:
        """Close and open the other way; in one-way mode that is a single trade across zero."""
        symbol, side, amount = holding.symbol, OPPOSITE[holding.side], self._stake(holding.symbol)
        if not self.persona.one_way:
            self._close(holding, holding.amount)
            self._open(symbol, side, amount)
            return
        price = self.market.fill_price(symbol, self._rng)
        result = holding.result(holding.amount, price)
        amount = self.market.whole_lots(symbol, amount)
        self._fill(symbol, side, opens=True, amount=holding.amount + amount, price=price, result=result)
        del self.holdings[symbol, holding.side]
        self.holdings[symbol, side] = Holding(symbol, side, amount, price)

    def _open(self, symbol: str, side: str, amount: Decimal) -> None:
        """Open a position or add to it."""
        amount = self.market.whole_lots(symbol, amount)
        price = self.market.fill_price(symbol, self._rng)
        if held := self.holdings.get((symbol, side)):
            held.add(amount, price)
        else:
            self.holdings[symbol, side] = Holding(symbol, side, amount, price)
        self._fill(symbol, side, opens=True, amount=amount, price=price)

    def _close(self, holding: Holding, amount: Decimal) -> None:
        """Reduce a position or close it."""
        amount = min(self.market.whole_lots(holding.symbol, amount), holding.amount)
        price = self.market.fill_price(holding.symbol, self._rng)
        holding.amount -= amount
        if not holding.amount:
            del self.holdings[holding.symbol, holding.side]
        result = holding.result(amount, price)
        self._fill(holding.symbol, holding.side, opens=False, amount=amount, price=price, result=result)

    def _fill(
        self, symbol: str, side: str, *, opens: bool, amount: Decimal, price: Decimal, result: Decimal = Decimal(0)
    ) -> None:
        self._clock += self._pause * self._rng.randint(1, 3)
        mode = "BOTH" if self.persona.one_way else side
        self.fills.append(Fill(self._clock, symbol, opens == (side == LONG), mode, amount, price, result))
        self.balance += result

    def _direction(self, symbol: str) -> str:
        knows = self._rng.randrange(100) < self.persona.foresight
        return LONG if self.market.rises(symbol) == knows else SHORT

    def _stake(self, symbol: str) -> Decimal:
        """Return the amount of one order: the persona's stake, half more or less."""
        return self.persona.stake * Decimal(self._rng.randint(50, 150)) / 100 / self.market.prices[symbol]

    def _price(self, holding: Holding) -> Decimal:
        return self.market.prices[holding.symbol]

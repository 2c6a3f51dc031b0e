"""What holds for paper accounts whatever happens to them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.tests.venues.paper_kit import ASSETS, D, MarketKind, OrderType, TimeInForce, bitcoin, books, request
from markets.tests.venues.paper_kit import later as at_second
from markets.tests.venues.paper_kit import view as look
from markets.venues.errors import Rejected
from markets.venues.paper.engine import Outcome, View, cancel, place
from markets.venues.paper.facts import Ledger, MarketKey, Order, Trade
from markets.venues.paper.matching import is_broke, liquidate, work
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import Side, VenueStatus

prices = st.integers(48_000, 52_000).map(Decimal)
jumps = st.integers(20_000, 90_000).map(Decimal)
units = st.integers(1, 400)
TIMES = [TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX]
TYPES = st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_LIMIT])


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """An order as a client may think of it, with prices on the tick."""
    order_type = draw(TYPES)
    limited = order_type in {OrderType.LIMIT, OrderType.TAKE_PROFIT_LIMIT}
    return {
        "side": draw(st.sampled_from(["BUY", "SELL"])),
        "units": draw(units),
        "type": order_type,
        "price": draw(prices) if limited else None,
        "stop_price": draw(prices) if order_type not in {OrderType.MARKET, OrderType.LIMIT} else None,
        "time_in_force": draw(st.sampled_from([None, *TIMES])) if limited else None,
        "reduce_only": draw(st.sampled_from([False, False, False, True])),
    }


steps = st.lists(
    st.one_of(
        wishes(),
        st.tuples(st.just("price"), prices | jumps),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
    ),
    min_size=8,
    max_size=30,
)
terms = st.builds(
    Terms,
    slippage=st.integers(0, 30).map(Decimal),
    liquidity=st.sampled_from([None, D(5_000), D(50_000)]),
    seed=st.sampled_from(["a", "b"]),
)


@dataclass
class Story:
    """One account through orders and prices, with everything that its venue would have said."""

    kind: MarketKind
    terms: Terms
    ledger: Ledger = field(init=False)
    orders: dict[str, Order] = field(default_factory=dict)
    trades: list[tuple[Order, Trade]] = field(default_factory=list)
    price: Decimal = Decimal(50_000)

    def __post_init__(self) -> None:
        self.market = bitcoin(self.kind)
        self.asset = ASSETS[self.kind]
        self.start = books(self.asset, 2 if self.kind is MarketKind.COIN_M else 10_000, leverage=20)
        if self.kind is MarketKind.SPOT:
            self.start.add("BTC", D("0.5"))
        self.ledger = self.start.copy()
        self.numbers = count(1)

    def play(self, script: list[Any]) -> "Story":
        for step in script:
            if isinstance(step, dict):
                self.order(step)
            elif step[0] == "price":
                self.price = step[1]
            else:
                self.cancel(step[1])
            self.match()
        return self

    def view(self) -> View:
        return look(self.market, self.price, now=at_second(len(self.trades)))

    def order(self, wish: dict[str, Any]) -> None:
        unit = {MarketKind.SPOT: D("0.001"), MarketKind.COIN_M: D(10)}.get(self.kind, D("0.01"))
        values = {name: value for name, value in wish.items() if name not in {"side", "units"}}
        if self.kind is MarketKind.SPOT:
            values["reduce_only"] = False
        wanted = request(
            self.market, wish["side"], wish["units"] * unit, client_order_id=f"order-{next(self.numbers)}", **values
        )
        try:
            outcome = place(self.ledger, wanted, self.view(), self.terms)
        except Rejected:
            return
        self.keep(outcome, before=self.ledger)

    def cancel(self, index: int) -> None:
        open_orders = [order for order in self.orders.values() if order.is_open]
        if index < len(open_orders):
            now = self.view().now
            self.keep(cancel(self.ledger, open_orders[index], now=now, status=VenueStatus.CANCELED), before=self.ledger)

    def match(self) -> None:
        for order in [order for order in self.orders.values() if order.is_open]:
            outcome = work(self.ledger, order, self.view(), self.terms)
            self.keep(outcome, before=self.ledger)
        if self.kind is not MarketKind.SPOT and is_broke(self.ledger, self.asset, self.view().marks, self.terms):
            self.liquidate()

    def liquidate(self) -> None:
        open_orders = [order for order in self.orders.values() if order.is_open]
        views = {MarketKey(self.market.kind, self.market.symbol): self.view()}
        result = liquidate(self.ledger, self.asset, open_orders, views, self.terms)
        self.ledger = result.ledger
        for number, order in enumerate(result.orders):
            name = f"{order.client_order_id}-{number}" if order.reason and order.reduce_only else order.client_order_id
            self.orders[name] = order
        self.trades += [(result.orders[-1], trade) for trade in result.trades]

    def keep(self, outcome: Outcome, *, before: Ledger) -> None:
        order = outcome.order
        if order.reduce_only and outcome.trades:
            held, left = before.positions[order.position_key], outcome.ledger.positions.get(order.position_key)
            assert left is None or (left.quantity > 0) == (held.quantity > 0), "reduce-only never flips"
            assert left is None or abs(left.quantity) < abs(held.quantity)
        self.ledger = outcome.ledger
        self.orders[order.client_order_id] = order
        self.trades += [(order, trade) for trade in outcome.trades]


def told(*kinds: MarketKind, examples: int = 150) -> Callable[[Callable[[Story], None]], Callable[[], None]]:
    """Let a test look at many stories of accounts in these kinds of markets."""

    def decorate(test: Callable[[Story], None]) -> Callable[[], None]:
        def look_at(kind: MarketKind, script: list[Any], how: Terms) -> None:
            test(Story(kind, how).play(script))

        look_at.__name__ = look_at.__qualname__ = test.__name__
        slow_is_fine = settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        return slow_is_fine(given(st.sampled_from(kinds), steps, terms)(look_at))

    return decorate


ALL = tuple(MarketKind)
CONTRACTS = (MarketKind.USD_M, MarketKind.COIN_M, MarketKind.EQUITY)


@told(*ALL)
def test_no_order_fills_above_its_quantity_and_its_trades_add_up(story: Story) -> None:
    for name, order in story.orders.items():
        trades = [trade for owner, trade in story.trades if owner.client_order_id == order.client_order_id]
        assert order.filled_quantity <= order.quantity, name
        if not name.startswith("autoclose"):
            assert sum(trade.quantity for trade in trades) == order.filled_quantity
            assert sum(trade.base_quantity for trade in trades) == order.filled_base
            assert sum(trade.quote_quantity for trade in trades) == order.filled_quote
            assert [trade.number for trade in trades] == list(range(1, order.trades + 1))


@told(MarketKind.SPOT)
def test_coins_are_exchanged_and_never_made_and_no_free_balance_is_negative(story: Story) -> None:
    with localcontext(prec=60):
        for asset, sign in (("BTC", 1), ("USDT", -1)):
            moved = D(0)
            for order, trade in story.trades:
                amount = trade.quantity if asset == "BTC" else trade.quote_quantity
                moved += sign * (amount if order.side is Side.BUY else -amount)
                moved -= trade.fee if trade.fee_asset == asset else 0
            assert story.ledger.balance(asset).total == story.start.balance(asset).total + moved
            assert story.ledger.balance(asset).free >= 0


@told(*ALL)
def test_what_is_locked_is_what_open_orders_reserved(story: Story) -> None:
    with localcontext(prec=60):
        for asset in ("BTC", "USDT"):
            reserved = [order.reserved for order in story.orders.values() if order.reserved_asset == asset]
            assert story.ledger.balance(asset).locked == sum(reserved, D(0))
    assert all(order.reserved == 0 for order in story.orders.values() if not order.is_open)


@told(*CONTRACTS)
def test_a_wallet_is_what_was_paid_in_with_profits_without_fees_and_with_what_was_forgiven(story: Story) -> None:
    with localcontext(prec=60):
        realized = sum((trade.realized_pnl or D(0) for _, trade in story.trades), D(0))
        fees = sum((trade.fee for _, trade in story.trades), D(0))
        forgiven = story.ledger.forgiven.get(story.asset, D(0))
        start = story.start.balance(story.asset).total
        assert story.ledger.balance(story.asset).total == start + realized - fees + forgiven
    if not story.ledger.positions:
        assert story.ledger.balance(story.asset).total >= 0


@told(*CONTRACTS)
def test_profit_is_what_contracts_were_worth_when_sold_less_when_bought(story: Story) -> None:
    """The cash flow of all trades, with what is held at cost, is the sum over all closed lots, to the last digit."""
    inverse = story.kind is MarketKind.COIN_M
    with localcontext(prec=60):
        flow = D(0)
        for order, trade in story.trades:
            # What a trade is worth in the margin asset; inverse contracts gain when they become worth less coins.
            value = trade.base_quantity if inverse else trade.quote_quantity
            flow += value if (order.side is Side.SELL) != inverse else -value
        for held in story.ledger.positions.values():
            flow += held.cost if (held.quantity > 0) != inverse else -held.cost
        realized = sum((trade.realized_pnl or D(0) for _, trade in story.trades), D(0))
    assert flow == realized


@told(*CONTRACTS)
def test_positions_are_the_sum_of_the_trades(story: Story) -> None:
    signed = [trade.quantity if order.side is Side.BUY else -trade.quantity for order, trade in story.trades]
    held = [position.quantity for position in story.ledger.positions.values()]
    assert sum(signed, D(0)) == sum(held, D(0))


@told(*CONTRACTS)
def test_new_risk_never_takes_more_than_is_available(story: Story) -> None:
    free = story.ledger.available(story.asset, story.view().marks)
    wish = {"side": "BUY", "units": 400, "type": OrderType.MARKET}
    held = next(iter(story.ledger.positions.values()), None)
    before = len(story.trades)
    story.order(wish | {"price": None, "stop_price": None, "time_in_force": None, "reduce_only": False})
    if len(story.trades) > before and (held is None or held.quantity >= 0):
        assert free > 0
        assert story.ledger.available(story.asset, story.view().marks) >= 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ALL), steps, terms)
def test_the_same_seed_tells_the_same_story(kind, script, how):
    first, second = Story(kind, how).play(script), Story(kind, how).play(script)
    assert first.trades == second.trades
    assert first.ledger == second.ledger


@given(st.text("abcdef0123456789", min_size=8, max_size=8))
def test_another_seed_may_fill_otherwise_but_never_more(client_order_id):
    how = Terms(slippage=D(1), liquidity=D(10_000))
    market = bitcoin()
    order = request(market, "BUY", "1", client_order_id=client_order_id)
    filled = {
        sum(trade.quantity for trade in place(books(amount=100_000), order, look(market, 50_000), terms).trades)
        for terms in (replace(how, seed=seed) for seed in "abc")
    }
    assert filled == {1}

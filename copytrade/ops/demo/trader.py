"""The demo's trader: a user with a paper account and a few orders, made through the services that everybody uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.ops.demo.prices import DemoPrices
from markets.models import Market, PaperAccount
from markets.prices import is_stale, price_for, prices_of
from markets.rounding import quantity_floor
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from markets.wanted import VENUES
from orders.models import AccountState, Fill, Holding, HoldingAdjustment, Order, Origin, TradingAccount
from orders.services.accounts import account_create
from orders.services.placing import order_write, orders_place
from orders.services.sync import account_sync

NAME = "demo"
EMAIL = "demo@copytrade.invalid"  # no real address ends so; with a password that cannot be used, it marks the user
ACCOUNT = "Paper futures"
DEPOSIT = Decimal(10_000)
SEND_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Step:
    """An order at the market, when prices were so far `away` from those of now.

    `stake` is in USDT; where the order `reduces`, it is a part of what is held.
    """

    name: str
    away: Decimal
    symbol: str
    side: Side
    stake: Decimal
    reduces: bool = False


def _step(name: str, away: str, symbol: str, side: Side, stake: str, *, reduces: bool = False) -> Step:
    return Step(name, Decimal(away), symbol, side, Decimal(stake), reduces)


STEPS = (
    _step("demo-1", "-0.012", "BTCUSDT", Side.BUY, "3400"),
    _step("demo-2", "-0.012", "ETHUSDT", Side.SELL, "2600"),
    _step("demo-3", "-0.012", "DOGEUSDT", Side.BUY, "450"),
    _step("demo-4", "0.008", "DOGEUSDT", Side.SELL, "1", reduces=True),
    _step("demo-5", "0.008", "BTCUSDT", Side.SELL, "0.4", reduces=True),
    _step("demo-6", "0", "SOLUSDT", Side.BUY, "1200"),
    _step("demo-7", "0", "ETHUSDT", Side.BUY, "0.5", reduces=True),
)


def trader_seed(*, prices: Mapping[str, Decimal], feed: DemoPrices) -> tuple[User, int]:
    """Make the trader and what is missing of the orders; return the user, and how many orders were placed.

    `prices` are those of the simulated market, by symbol. Markets without a fresh price are left out. Must not run
    inside a transaction.
    """
    user = trader_find() or _user_create()
    account = TradingAccount.objects.filter(user=user, name=ACCOUNT).first() or account_create(
        user=user, name=ACCOUNT, venue=VENUES[MarketKind.USD_M], actor=None, paper_balance=DEPOSIT
    )
    known = set(Order.objects.filter(account=account).values_list("client_order_id", flat=True))
    steps = [step for step in STEPS if step.name not in known] if account.state == AccountState.ACTIVE else []
    placed = sum(_carry_out(account, step, prices, feed) for step in steps)
    if placed:
        account_sync(account=account)
    return user, placed


def trader_find() -> User | None:
    """Return the demo's user, None where there is none; somebody else with that name or address is not it."""
    user = User.objects.filter(email=EMAIL).first()
    return user if user is not None and not user.has_usable_password() else None


def trader_remove() -> int:
    """Delete the trader with all accounts, orders and books; return how many orders that were.

    Rows are locked in the order in which the executor and the sync of accounts lock them.
    """
    user = trader_find()
    if user is None:
        return 0
    with transaction.atomic():
        orders = Order.objects.filter(account__user=user)
        count = len(orders.select_for_update(of=("self",)).order_by("pk"))
        accounts = list(TradingAccount.objects.filter(user=user).select_for_update().order_by("pk"))
        PaperAccount.objects.filter(key__in=[str(account.key) for account in accounts]).delete()
        for facts in (Fill, Holding, HoldingAdjustment):
            facts.objects.filter(account__in=accounts).delete()
        orders.delete()
        user.delete()
    return count


def _user_create() -> User:
    name = EMAIL if User.objects.filter(username=NAME).exists() else NAME
    return User.objects.create_user(username=name, email=EMAIL, password=None)


def _carry_out(account: TradingAccount, step: Step, prices: Mapping[str, Decimal], feed: DemoPrices) -> bool:
    """Place the order of a step; return whether it could be."""
    feed.tell({symbol: price * (1 + step.away) for symbol, price in prices.items()})
    market = Market.objects.filter(venue=account.venue, kind=MarketKind.USD_M, symbol=step.symbol, trading=True).first()
    quantity = _quantity(account, market, step) if market is not None else None
    if market is None or not quantity:
        return False
    order = order_write(
        account=account,
        market=market,
        origin=Origin.PROXY,
        side=step.side,
        type=OrderType.MARKET,
        quantity=quantity,
        reduce_only=step.reduces,
        client_order_id=step.name,
        send_within=SEND_WITHIN,
    )
    orders_place([order.pk])
    return True


def _quantity(account: TradingAccount, market: Market, step: Step) -> Decimal | None:
    """Return how much a step trades, on the market's steps; None where its price is not fresh."""
    report = prices_of([market]).get(market.pk)
    price = None if report is None or is_stale(report, timezone.now()) else price_for(report, "last")
    if price is None:
        return None
    held = Holding.objects.filter(account=account, market=market, side=PositionSide.BOTH).first()
    wanted = step.stake / price if not step.reduces else abs(held.quantity) * step.stake if held else Decimal(0)
    return quantity_floor(market.filters, wanted, market_order=True, kind=MarketKind.USD_M)

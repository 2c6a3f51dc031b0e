"""A master and followers on paper, in short words: they trade Bitcoin at Binance's USD-M futures for 50,000."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from copytrade.accounts.models import User
from markets.models import Market
from markets.prices import prices_write
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind
from orders.executor.claiming import Scene, Taken
from orders.models import Order, Origin, TradingAccount
from orders.services.accounts import account_create
from orders.services.placing import order_write, orders_place
from orders.services.sync import accounts_sync
from orders.services.writing import NewOrder, orders_write_many
from replication.engine import planning, running
from replication.engine.running import fan_out, sweep
from replication.models import Copy, CopyIntent, CopyPosition, LeaderAccount
from replication.services.copies import copy_start
from replication.terms import CopySettings
from tests.factories import make_leader, make_market, make_user
from traders.models import LeaderStatus, LeadTrader

PRICE = Decimal(50_000)
VENUE = "binanceusdm"


def D(text: Any) -> Decimal:
    return Decimal(str(text))


def price_is(price: Any = PRICE, market: Market | None = None) -> None:
    """Tell the price of now."""
    where = market or make_market(venue=VENUE)
    value = D(price)
    report = PriceReport(
        where.symbol, MarketKind(where.kind), timezone.now(), last=value, bid=value, ask=value, mark=value
    )
    prices_write(where.venue, [report])


def paper_account(user: User | None = None, *, venue: str = VENUE, balance: Any = 1_000_000) -> TradingAccount:
    """Return a paper account that knows what it is worth, and fills all of an order at the price itself."""
    owner = user or make_user()
    number = owner.trading_accounts.count()
    account = account_create(user=owner, name=f"Paper {number}", venue=venue, actor=owner, paper_balance=D(balance))
    accounts_sync(accounts=[account])
    account.refresh_from_db()
    return account


def make_master(**values: Any) -> tuple[LeadTrader, TradingAccount]:
    """Return a master and the account that followers copy."""
    account = paper_account(**values)
    leader = make_leader(
        platform="house", external_id=str(account.user_id), user=account.user, status=LeaderStatus.APPROVED
    )
    LeaderAccount.objects.create(account=account, trader=leader)
    return leader, account


def follow(leader: LeadTrader, account: TradingAccount | None = None, **settings: Any) -> Copy:
    """Copy a leader one to one, unless settings are given, on an account of its own."""
    where = account or paper_account()
    terms = CopySettings(**({"ratio": Decimal(1)} | settings))
    return copy_start(user=where.user, trader=leader, settings=terms, account=where)


def trade(account: TradingAccount, side: str, quantity: Any, **values: Any) -> Order:
    """Let a master trade at the market, and let all of it be stored; followers are not served yet."""
    order = order_write(
        **{
            "account": account,
            "market": make_market(venue=account.venue),
            "origin": Origin.MASTER,
            "side": side,
            "type": "MARKET",
            "quantity": D(quantity),
            "send_within": timedelta(minutes=1),
            **values,
        }
    )
    orders_place([order.pk])
    order.refresh_from_db()
    assert order.state == "FILLED", f"{order.state} {order.reason_code} {order.reason}"
    return order


def lead(account: TradingAccount, side: str, quantity: Any, **values: Any) -> Order:
    """Let a master trade at the market, and serve the followers."""
    order = trade(account, side, quantity, **values)
    fan_out()
    return order


def send_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let copies' orders be written and wait for whoever sends them later."""

    def write_waiting(orders: Sequence[NewOrder]) -> tuple[Taken, list[int]]:
        return Taken([], Scene({}, {}, 0.0)), [pk for pk in orders_write_many(orders) if pk is not None]

    patch.setattr(planning, "orders_write_taken", write_waiting)
    patch.setattr(running.Courier, "send", lambda *_: None)


def settle() -> None:
    """Do what the schedule does, as often as it takes."""
    for _ in range(3):
        sweep()


def held(copy: Copy, side: str = "LONG") -> Any:
    """Return what a copy holds on a side."""
    position = CopyPosition.objects.filter(copy=copy, side=side).first()
    return position.quantity if position else Decimal(0)


def decision(copy: Copy) -> CopyIntent:
    """Return the newest decision of a copy."""
    return CopyIntent.objects.filter(copy=copy).latest("pk")

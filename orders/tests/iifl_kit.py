"""What the tests of the order layer before IIFL share."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from markets.models import Market
from markets.services.refresh import market_venue_want
from markets.venues.base import Credentials
from markets.venues.vocabulary import OrderType, Side
from orders.executor.checking import orders_check
from orders.models import Credential, Mode, Order, Origin, TradingAccount
from orders.services.placing import order_write
from orders.tests.conftest import age
from orders.vault import seal
from tests.factories import make_account
from tests.simulators.iifl import IiflSimulator


def trader(exchange: IiflSimulator, **terms: Any) -> TradingAccount:
    """Return a live account at the simulator."""
    keys = exchange.account(**terms)
    account = make_account(venue="iifl", mode=Mode.LIVE, live_enabled=True)
    ciphertext, key_id = seal(Credentials(keys.key, keys.secret), account.key)
    Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="hint", can_trade=True)
    market_venue_want("iifl")
    return account


def write(account: TradingAccount, **values: Any) -> Order:
    """Write an order for ten shares of RELIANCE at the market."""
    market = Market.objects.get(venue="iifl", symbol="RELIANCE")
    order = {"side": Side.BUY, "type": OrderType.MARKET, "quantity": Decimal(10), "send_within": timedelta(minutes=5)}
    return order_write(account=account, market=market, origin=Origin.MANUAL, **{**order, **values})


def settle() -> None:
    """Ask for all orders until nothing moves."""
    for _ in range(3):
        for order in Order.objects.all():
            age(order, 100)
        orders_check()

"""Rows for tests: plain functions with sensible values, each of which can be given."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.billing.models import Plan
from markets.models import Market
from orders.models import Fill, Holding, Order, Origin, TradingAccount
from tests.listings import BITCOIN
from traders.models import DailyStat, LeadTrader, Position, PositionSnapshot, Score, SourceFreshness, TradeEvent

_numbers = count(1)


def make_leader(**values: Any) -> LeadTrader:
    """Return a leader with an id of its own."""
    number = next(_numbers)
    return LeadTrader.objects.create(
        **{
            "platform": "binance",
            "external_id": str(4_681_698_170_000_000_000 + number),
            "nickname": f"Leader {number}",
            **values,
        }
    )


def make_event(leader: LeadTrader, **values: Any) -> TradeEvent:
    """Return a fill of the leader, a minute old, with keys of its own."""
    number, now = next(_numbers), timezone.now()
    return TradeEvent.objects.create(
        **{
            "trader": leader,
            "event_key": f"event-{number}",
            "canonical_key": f"canonical-{number}",
            "kind": "OPEN_LONG",
            "symbol": "BTCUSDT",
            "price": Decimal("86232.48"),
            "amount": Decimal("0.25"),
            "amount_asset": "BTC",
            "event_time": now - timedelta(minutes=1),
            "time_is_exact": True,
            "fetched_at": now,
            **values,
        }
    )


def make_position(leader: LeadTrader, **values: Any) -> Position:
    """Return an open position of the leader, long Bitcoin."""
    return Position.objects.create(**{**_position_values(leader), "opened_at": timezone.now(), **values})


def make_snapshot(leader: LeadTrader, **values: Any) -> PositionSnapshot:
    """Return a row of the leader's position history, of an opened position."""
    identifier = Position().pk
    return PositionSnapshot.objects.create(
        **{**_position_values(leader), "position_id": identifier, "change": "opened", **values}
    )


def make_score(leader: LeadTrader, window: int = 30, **values: Any) -> Score:
    """Return the leader's score of a window, a good one."""
    return Score.objects.create(
        **{
            "trader": leader,
            "window": window,
            "score": Decimal("72.50"),
            "realized_pnl": Decimal("1234.56"),
            "win_rate": Decimal("0.625"),
            "max_drawdown": Decimal("210.4"),
            "closed_trades": 24,
            "as_of": timezone.now().date(),
            **values,
        }
    )


def make_freshness(leader: LeadTrader, **values: Any) -> SourceFreshness:
    """Return what one source said of the leader, just now and with positions."""
    now: datetime = timezone.now()
    return SourceFreshness.objects.create(
        **{
            "trader": leader,
            "source": "binance",
            "reported_at": now,
            "received_at": now,
            "positions_at": now,
            **values,
        }
    )


def make_daily(leader: LeadTrader, date: date, pnl: Any, **values: Any) -> DailyStat:
    """Return the leader's result of a day, of one closed trade."""
    result = Decimal(str(pnl))
    return DailyStat.objects.create(
        **{
            "trader": leader,
            "date": date,
            "realized_pnl": result,
            "gross_profit": max(result, Decimal(0)),
            "gross_loss": min(result, Decimal(0)),
            "closed_trades": 1,
            "wins": int(result > 0),
            "losses": int(result < 0),
            "events": 1,
            **values,
        }
    )


def make_user(**values: Any) -> User:
    """Return a person with a name of their own; the password is `password`, or the one given."""
    number = next(_numbers)
    return User.objects.create_user(
        **{
            "username": f"user{number}",
            "email": f"user{number}@example.test",
            "password": "password",
            **values,
        }
    )


def make_staff(**values: Any) -> User:
    """Return a member of staff who may do everything."""
    return make_user(**{"is_staff": True, "is_superuser": True, **values})


def make_plan(**values: Any) -> Plan:
    """Return a plan with a name of its own, which says nothing unless given."""
    number = next(_numbers)
    return Plan.objects.create(**{"slug": f"plan-{number}", "name": f"Plan {number}", **values})


def make_market(**values: Any) -> Market:
    """Return the market of Bitcoin at `venue` (USD-M unless given), with real filters.

    A market that is there already is the same row, with the given values.
    """
    venue = values.pop("venue", "binanceusdm")
    defaults = {**BITCOIN.get(venue, BITCOIN["binanceusdm"]), "status": "TRADING", **values}
    identity = {name: defaults.pop(name) for name in ("symbol", "kind")}
    return Market.objects.update_or_create(venue=venue, **identity, defaults=defaults)[0]


def make_account(**values: Any) -> TradingAccount:
    """Return a paper account at Binance's USD-M futures, of a person of its own unless `user` is given.

    Its books are not opened: `account_create` does that.
    """
    user = values.pop("user", None) or make_user()
    return TradingAccount.objects.create(
        **{"user": user, "name": f"Account {next(_numbers)}", "venue": "binanceusdm", **values}
    )


def make_order(**values: Any) -> Order:
    """Return a pending market order to buy, in Bitcoin and of an account of its own unless they are given."""
    number, now = next(_numbers), timezone.now()
    account = values.pop("account", None) or make_account()
    market = values.pop("market", None) or make_market(venue=account.venue)
    return Order.objects.create(
        **{
            "account": account,
            "market": market,
            "origin": Origin.MANUAL,
            "client_order_id": f"test-{number}",
            "side": "BUY",
            "type": "MARKET",
            "quantity": Decimal("0.01"),
            "send_before": now + timedelta(minutes=1),
            **values,
        }
    )


def make_fill(order: Order, **values: Any) -> Fill:
    """Return a trade of all of the order, unless `quantity` is given; the order itself does not change."""
    quantity = values.get("quantity", order.quantity) or Decimal("0.01")
    price = values.get("price", Decimal("86232.40"))
    return Fill.objects.create(
        **{
            "account_id": order.account_id,
            "market_id": order.market_id,
            "order": order,
            "venue_trade_id": str(next(_numbers)),
            "side": order.side,
            "position_side": order.position_side,
            "price": price,
            "quantity": quantity,
            "quote_quantity": price * quantity,
            "fee": Decimal(0),
            "is_maker": False,
            "time": timezone.now(),
            **values,
        }
    )


def make_holding(**values: Any) -> Holding:
    """Return a long position in Bitcoin, of an account of its own unless `account` is given."""
    now = timezone.now()
    account = values.pop("account", None) or make_account()
    market = values.pop("market", None) or make_market(venue=account.venue)
    return Holding.objects.create(
        **{
            "account": account,
            "market": market,
            "side": "BOTH",
            "quantity": Decimal("0.01"),
            "cost": Decimal("862.3240"),
            "opened_at": now,
            "last_time": now,
            **values,
        }
    )


def _position_values(leader: LeadTrader) -> dict[str, Any]:
    return {
        "trader": leader,
        "symbol": "BTCUSDT",
        "side": "LONG",
        "contract_type": "Perpetual",
        "leverage": Decimal(10),
        "size": Decimal("0.42"),
        "size_asset": "BTC",
        "entry_price": Decimal("86232.48"),
        "mark_price": Decimal("86590.1"),
        "margin_usdt": Decimal("3636.78"),
        "margin_type": "Cross",
        "pnl_usdt": Decimal("150.2"),
        "roe_pct": Decimal("4.13"),
        "fetched_at": timezone.now(),
    }

"""Where an order of a person goes, and whether account, market and venue take it: all before anything is written."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.accounts.models import User
from copytrade.lib.errors import InvalidInput, LiveTradingOff, NotFound, TradingHalted, VenueAuthFailed
from copytrade.lib.structs import Problems
from markets.models import Market
from markets.prices import is_stale, price_for, prices_of
from markets.rounding import ProblemCode, check_order
from markets.venues.base import Capabilities
from markets.venues.registry import capabilities, venues
from markets.venues.vocabulary import (
    CONDITIONAL_TYPES,
    PRICED_TYPES,
    MarketKind,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from orders.access import is_paper
from orders.executor.permits import Applicant, is_exit, refuse
from orders.executor.rows import halts_read
from orders.models import AccountState, TradingAccount

# By hand, since an order waits for both: Django takes longer to write them than PostgreSQL to answer.
ACCOUNTS = """
    SELECT a.*, EXISTS (SELECT FROM replication_leaderaccount l WHERE l.account_id = a.id) AS is_leading
    FROM orders_tradingaccount a
    WHERE a.user_id = %(user)s AND CASE WHEN %(account)s::bigint IS NULL THEN a.state <> %(closed)s
        ELSE a.id = %(account)s END
    ORDER BY is_leading DESC, a.id
"""
MARKETS = """
    SELECT * FROM markets_market WHERE venue = ANY(%(venues)s) AND symbol = ANY(%(symbols)s) AND delisted_at IS NULL
        AND kind = coalesce(nullif(%(kind)s, ''), kind)
    ORDER BY venue, kind, symbol
"""
FIELDS = {"quantity": "quantity", "price": "price", "stop_price": "stop_price", "notional": "quantity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWish:
    """An order that a person wants; `price` is that of the order itself, so MARKET orders have none.

    Without `account_id` it goes to the account that suits the symbol; `market_type` is needed where a venue has the
    symbol in several kinds of markets. `quantity` is in the venue's unit.
    """

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    account_id: int | None = None
    market_type: str = ""
    client_order_id: str = ""

    @property
    def is_priced(self) -> bool:
        """Whether it trades at its own price or better."""
        return self.type in PRICED_TYPES

    @property
    def is_exit(self) -> bool:
        """Whether it says itself that it can only make a position smaller."""
        return is_exit(
            buy=self.side == Side.BUY, reduces=self.reduce_only, position_side=self.position_side, spot=False
        )


@dataclass(frozen=True, slots=True)
class Target:
    """Where an order goes, and whether others follow what this account trades."""

    account: TradingAccount
    market: Market
    leads: bool


def target_of(*, user: User, wish: OrderWish) -> Target:
    """Return account and market of an order, in two statements.

    Without a named account it is one whose venue has the symbol: an active one if there is any, of these one that
    leads, of these the oldest. An unknown symbol, and an account of somebody else, is `NotFound`.
    """
    accounts = _accounts(user, wish.account_id)
    markets = _markets(wish, {account.venue for account in accounts})
    suiting = [account for account in accounts if account.venue in markets]
    if not suiting:
        raise _nowhere(wish, accounts)
    account = min(suiting, key=lambda each: each.state != AccountState.ACTIVE)
    found = markets[account.venue]
    if len(found) > 1:
        kinds = ", ".join(sorted(market.kind for market in found))
        message = f"is needed: {account.venue} has {wish.symbol} in several kinds of markets, {kinds}"
        raise InvalidInput([{"path": "market_type", "message": message}])
    return Target(account, found[0], leads=bool(getattr(account, "is_leading", False)))


def check_wish(wish: OrderWish, problems: Problems) -> None:
    """Note what does not go together, as far as the order itself tells."""
    _need(problems, "price", wish.price, needed=wish.is_priced, kind=wish.type)
    _need(problems, "stop_price", wish.stop_price, needed=wish.type in CONDITIONAL_TYPES, kind=wish.type)
    if wish.time_in_force is not None and not wish.is_priced:
        problems.add("time_in_force", f"does not go with {wish.type} orders")


def check_target(wish: OrderWish, target: Target, problems: Problems) -> None:
    """Note what the account's venue cannot do, what the market does not take, and each filter that is broken."""
    account, market = target.account, target.market
    able = capabilities(account.venue, paper=is_paper(account))
    _check_words(wish, market, able, problems)
    _check_sides(wish, account, market, able, problems)
    if wish.client_order_id and not _matches(able.client_order_id, wish.client_order_id):
        problems.add("client_order_id", f"must match {able.client_order_id} at {account.venue}")
    if not market.trading:
        problems.add("symbol", f"{market.symbol} does not trade now: its venue says {market.status}")
    _check_filters(wish, market, problems)


def refuse_stopped(wish: OrderWish, target: Target) -> None:
    """Refuse what would not be sent now; the executor asks again right before it sends."""
    account, now = target.account, timezone.now()
    if account.state == AccountState.AUTH_FAILED:
        raise VenueAuthFailed(f"{account.venue} refuses the key of account {account.pk}: {account.state_reason}")
    applicant = Applicant(
        account_id=account.pk,
        venue=account.venue,
        venue_known=account.venue in venues(),
        live=not is_paper(account),
        live_enabled=account.live_enabled,
        account_active=account.state == AccountState.ACTIVE,
        account_reason=account.state_reason or account.get_state_display(),
        is_exit=wish.is_exit or (target.market.kind == MarketKind.SPOT and wish.side == Side.SELL),
        send_before=now + timedelta(minutes=1),
    )
    refusal = refuse(applicant, halts_read(), live_trading=settings.LIVE_TRADING, now=now)
    if refusal is None:
        return
    details: dict[str, Any] = {"account": account.pk, "reason": refusal.code}
    if refusal.code == "LIVE_TRADING_OFF":
        raise LiveTradingOff(refusal.message, details=details)
    raise TradingHalted(refusal.message, details=details)


def _accounts(user: User, account_id: int | None) -> Sequence[TradingAccount]:
    values = {"user": user.pk, "account": account_id, "closed": AccountState.CLOSED.value}
    found = list(TradingAccount.objects.raw(ACCOUNTS, values))
    if account_id is not None and not found:
        raise NotFound(f"You have no account {account_id}.")
    return found


def _markets(wish: OrderWish, among: set[str]) -> Mapping[str, list[Market]]:
    values = {"venues": sorted(among), "symbols": [wish.symbol, wish.symbol.upper()], "kind": wish.market_type}
    by_venue = defaultdict(list)
    for market in Market.objects.raw(MARKETS, values):
        by_venue[market.venue].append(market)
    return by_venue


def _nowhere(wish: OrderWish, accounts: Sequence[TradingAccount]) -> Exception:
    named = f"{wish.market_type} market {wish.symbol}".strip()
    if wish.account_id is not None:
        return NotFound(f"{accounts[0].venue} has no {named}.")
    listed = Market.objects.filter(symbol=wish.symbol.upper(), delisted_at=None).order_by("venue").distinct("venue")
    if wish.market_type:
        listed = listed.filter(kind=wish.market_type)
    known = [market.venue for market in listed]
    if not known:
        return NotFound(f"There is no {named}.")
    message = f"none of your accounts trades {wish.symbol}: open one at {' or '.join(known)}"
    return InvalidInput([{"path": "account", "message": message}])


def _check_words(wish: OrderWish, market: Market, able: Capabilities, problems: Problems) -> None:
    types = [word for word in OrderType if word in able.order_types and word in (market.order_types or OrderType)]
    if wish.type not in types:
        problems.add("order_type", f"{wish.type} is not possible in {market.symbol}: write one of {', '.join(types)}")
    times = [
        word for word in TimeInForce if word in able.times_in_force and word in (market.times_in_force or TimeInForce)
    ]
    if wish.time_in_force is not None and wish.time_in_force not in times:
        message = f"{wish.time_in_force} is not possible in {market.symbol}: write one of {', '.join(times)}"
        problems.add("time_in_force", message)


def _check_sides(
    wish: OrderWish, account: TradingAccount, market: Market, able: Capabilities, problems: Problems
) -> None:
    hedges = account.hedge_mode and market.kind != MarketKind.SPOT
    if hedges and wish.position_side == PositionSide.BOTH:
        problems.add("position_side", "must be LONG or SHORT: the account is in hedge mode")
    if not hedges and wish.position_side != PositionSide.BOTH:
        problems.add("position_side", "must be BOTH or absent: the account is in one-way mode")
    if wish.reduce_only and hedges:
        problems.add("reduce_only", "is not taken in hedge mode: side and position_side say what closes")
    elif wish.reduce_only and (market.kind == MarketKind.SPOT or not able.reduce_only):
        problems.add("reduce_only", f"is not possible in {market.symbol} at {account.venue}")


def _check_filters(wish: OrderWish, market: Market, problems: Problems) -> None:
    last, mark = _prices(market)
    found = check_order(
        market.filters,
        kind=MarketKind(market.kind),
        side=wish.side,
        market_order=not wish.is_priced,
        quantity=wish.quantity,
        price=wish.price,
        stop_price=wish.stop_price,
        reference_price=last,
        mark_price=mark,
        reduce_only=wish.is_exit,
        contract_size=market.contract_size,
    )
    for problem in found:
        name = "price" if problem.code == ProblemCode.PERCENT_PRICE else next(iter(problem.numbers))
        problems.add(FIELDS.get(name, "quantity"), problem.message)


def _prices(market: Market) -> tuple[Decimal | None, Decimal | None]:
    """Return the last price and the mark where fresh ones are known: what cannot be known is the venue's to check."""
    try:
        report = prices_of([market]).get(market.pk)
    except RedisError:
        return None, None
    if report is None or is_stale(report, timezone.now()):
        return None, None
    return price_for(report, "last"), report.mark


def _need(problems: Problems, name: str, value: Decimal | None, *, needed: bool, kind: OrderType) -> None:
    if needed and value is None:
        problems.add(name, f"is missing: {kind} orders need it")
    if not needed and value is not None:
        problems.add(name, f"does not go with {kind} orders")


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None

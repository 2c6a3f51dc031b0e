"""The order proxy: Binance's order endpoints, with an order written before Binance is called, and placed once."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.accounts.models import User
from copytrade.lib.errors import ApplicationError, IdempotencyConflict, LiveTradingOff, TradingHalted, VenueAuthFailed
from copytrade.lib.idempotency import Claimed, Existing, idempotency_claim, idempotency_settle
from copytrade.lib.structs import Problems
from markets.models import Market
from markets.prices import is_stale, price_for, prices_of
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind
from orders.access import is_paper
from orders.models import AccountState, Order, Origin, TradingAccount
from orders.proxy.filters import check_filters
from orders.proxy.parameters import Family, kind_of
from orders.proxy.reading import Given, read_parameters
from orders.proxy.refusals import Refused, refusal_of
from orders.proxy.rules import Offer, check_abilities, check_clock, check_mode, check_parameters
from orders.proxy.translation import wish_of
from orders.selectors.recent import proxy_account, proxy_market
from orders.services.placing import DuplicateClientOrderId, order_refresh, order_write, orders_place
from orders.states import OrderState

SEND_WITHIN = timedelta(seconds=10)
ROUTE = "binance.order"
CLIENT_ID = "newClientOrderId"
REFERENCE = "order:"
REFUSED = frozenset({OrderState.REJECTED, OrderState.FAILED})


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that Binance has, or may have. `repeated`: it was placed by an earlier request."""

    order: Order
    repeated: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where an order goes."""

    account: TradingAccount
    market: Market


def proxy_order_place(*, user: User, family: Family, body: bytes, idempotency_key: str | None) -> Placed:
    """Check an order in Binance's words, write it, send it, and return it as it is then.

    The same idempotency key (or, without one, the same client order id) and body return the first order again. All
    that is wrong with the body is one `InvalidInput`; what Binance refuses is raised as `refusal_of` has it. Must not
    run inside a transaction.
    """
    problems = Problems()
    given = read_parameters(body, family, problems)
    check_parameters(given, problems)
    order_id, repeated = _write(user, given, problems, idempotency_key)
    order = _send_again(order_id) if repeated else _send(order_id)
    if order.state in REFUSED:
        raise refusal_of(_refused(order), now=timezone.now())
    return Placed(order, repeated)


def order_load(order_id: int) -> Order:
    """Return an order with its account and market."""
    return Order.objects.select_related("account", "market").get(pk=order_id)


def _send(order_id: int) -> Order:
    orders_place([order_id])
    return order_load(order_id)


def _send_again(order_id: int) -> Order:
    """Bring the order of a repeated request on: whoever wrote it may have died before it was sent, or resolved."""
    order = order_load(order_id)
    if order.state == OrderState.PENDING:
        return _send(order_id)
    return order_refresh(order=order) if order.state == OrderState.UNKNOWN else order


def _write(user: User, given: Given, problems: Problems, key: str | None) -> tuple[int, bool]:
    """Write the order in one transaction with its key; return its id, and whether it was there already."""
    kind = kind_of(given.family, given.text("marketType"))
    try:
        with transaction.atomic():
            claim = None if len(problems) else _claim(user, given, kind, key)
            if isinstance(claim, Existing):
                return int(claim.result.removeprefix(REFERENCE)), True
            order = _write_new(user, given, kind, problems)
            if claim is not None:
                idempotency_settle(claim=claim, result=f"{REFERENCE}{order.pk}")
            return order.pk, False
    except DuplicateClientOrderId as duplicate:
        duplicate.details |= {"client_order_id": given.text(CLIENT_ID)}
        raise


def _claim(user: User, given: Given, kind: MarketKind, key: str | None) -> Claimed | Existing | None:
    """Claim the request's key. A client order id is one within its market type, and account where that is named."""
    body = {**given.normalised(), "marketType": kind.value}
    if key is not None:
        return idempotency_claim(user=user, key=key, route=ROUTE, body=body)
    client_order_id = given.text(CLIENT_ID)
    if not client_order_id:
        return None
    key = f"{kind}:{given.whole('account') or ''}:{client_order_id}"
    try:
        return idempotency_claim(user=user, key=key, route=ROUTE, body=body)
    except IdempotencyConflict as conflict:
        raise IdempotencyConflict(
            "This client order id was used before, for another order; use a new one for a new order.",
            details={"client_order_id": client_order_id},
        ) from conflict


def _write_new(user: User, given: Given, kind: MarketKind, problems: Problems) -> Order:
    try:
        target = _target(user, given, kind)
        _check(given, kind, target, problems)
    except ApplicationError:
        problems.refuse_if_any()
        raise
    problems.refuse_if_any()
    _refuse_idle(target.account)
    wish = wish_of(given)
    return order_write(
        account=target.account,
        market=target.market,
        origin=Origin.PROXY,
        side=wish.side,
        type=wish.type,
        quantity=wish.quantity,
        quote_quantity=wish.quote_quantity,
        price=wish.price,
        stop_price=wish.stop_price,
        time_in_force=wish.time_in_force or "",
        position_side=wish.position_side,
        reduce_only=wish.reduce_only,
        close_position=wish.close_position,
        working_type=wish.working_type or "",
        price_protect=wish.price_protect,
        callback_rate=wish.callback_rate,
        activation_price=wish.activation_price,
        extra=wish.extra,
        client_order_id=wish.client_order_id,
        send_within=SEND_WITHIN,
        attempts_allowed=1,
    )


def _target(user: User, given: Given, kind: MarketKind) -> Target:
    account = proxy_account(user=user, kind=kind, account_id=given.whole("account"), path=given.path("account"))
    return Target(account, proxy_market(kinds=[kind], symbol=given.text("symbol"))[0])


def _check(given: Given, kind: MarketKind, target: Target, problems: Problems) -> None:
    """Note what account, market and clock have against the order."""
    account, market = target.account, target.market
    if given.family == Family.FUTURES:
        check_mode(given, hedge_mode=account.hedge_mode, problems=problems)
    paper = is_paper(account)
    offer = Offer(market.symbol, market.order_types, market.times_in_force)
    check_abilities(given, capabilities(account.venue, paper=paper), offer, paper=paper, problems=problems)
    check_clock(given, now=timezone.now(), problems=problems)
    if not market.trading:
        problems.add(given.path("symbol"), f"{market.symbol} does not trade now: Binance says {market.status}")
    last, mark = _prices(market)
    check_filters(
        given,
        kind,
        market.filters,
        contract_size=market.contract_size,
        problems=problems,
        reference_price=last,
        mark_price=mark,
    )


def _prices(market: Market) -> tuple[Decimal | None, Decimal | None]:
    """Return the last price and the mark where fresh ones are known: what cannot be known is the venue's to check."""
    try:
        report = prices_of([market]).get(market.pk)
    except RedisError:
        return None, None
    if report is None or is_stale(report, timezone.now()):
        return None, None
    return price_for(report, "last"), report.mark


def _refuse_idle(account: TradingAccount) -> None:
    """Refuse accounts that would not be allowed to send; the executor asks again when it sends."""
    if account.state == AccountState.AUTH_FAILED:
        raise VenueAuthFailed(f"Binance refuses the key of account {account.pk}: {account.state_reason}")
    if account.state != AccountState.ACTIVE:
        raise TradingHalted(f"Account {account.pk} does not trade: it is {account.state}.")
    if not is_paper(account) and not (settings.LIVE_TRADING and account.live_enabled):
        where = "for this account" if settings.LIVE_TRADING else "in this installation (LIVE_TRADING)"
        raise LiveTradingOff(f"Account {account.pk} is a live one, and live trading is switched off {where}.")


def _refused(order: Order) -> Refused:
    answer = order.venue_response if isinstance(order.venue_response, dict) else {}
    return Refused(
        id=order.pk,
        client_order_id=order.client_order_id,
        state=OrderState(order.state),
        reason_code=order.reason_code,
        reason=order.reason,
        venue=order.account.venue,
        venue_code=str(answer.get("code", "")),
        send_after=order.send_after,
    )

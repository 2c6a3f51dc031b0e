"""The paper books at work: what the adapter asks of them, in a thread that may wait for the database.

Whoever changes an account holds its row, locked in the order of the ids: two quick orders never spend the same money,
and no two batches wait for each other in a circle.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import run
from markets.venues.base import AccountAccess, FillReport, OrderReference, OrderReport, OrderRequest
from markets.venues.deadline import not_sent
from markets.venues.errors import AuthFailed, OutcomeUnknown, Rejected, RejectReason, VenueError
from markets.venues.paper import engine
from markets.venues.paper.checks import check_capabilities
from markets.venues.paper.facts import MarketKey, Order, Trade
from markets.venues.paper.reports import fill_report, order_report
from markets.venues.paper.rows import (
    Account,
    Changes,
    account_read_whole,
    accounts_read,
    changes_write,
    client_order_ids_taken,
    held_markets,
    orders_read,
    positions_read,
)
from markets.venues.paper.scene import Prices, Scene, plain, scene_of
from markets.venues.paper.terms import Terms
from markets.venues.registry import capabilities
from markets.venues.vocabulary import FINAL_STATUSES, MarketKind, VenueStatus

OPEN = sorted(set(VenueStatus) - FINAL_STATUSES)
TRADES = """
    SELECT order_id, number, price, quantity, quote_quantity, base_quantity, fee, fee_asset, is_maker,
        realized_pnl, time
    FROM markets_papertrade
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that somebody wants at an account. After `until` (on the monotonic clock) it must not be placed.

    `has_waited`: the account's latency is over.
    """

    access: AccountAccess
    request: OrderRequest
    until: float
    has_waited: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """Instead of an answer: the account has so many milliseconds of latency, ask again after them."""

    milliseconds: int


Answer = OrderReport | VenueError


def place_batch(venue: str, wishes: Sequence[Wish], source: Prices) -> list[Answer | Delay]:
    """Place orders at many accounts in six statements and one round trip for prices; return an answer to each."""
    held, terms = held_markets(venue, sorted({wish.access.id for wish in wishes}))
    delays = [0 if wish.has_waited else _delay(wish, terms.get(wish.access.id)) for wish in wishes]
    ready = [wish for wish, delay in zip(wishes, delays, strict=True) if not delay]
    answers = iter(_place_all(venue, ready, held, source) if ready else ())
    return [Delay(delay) if delay else next(answers) for delay in delays]


def _delay(wish: Wish, terms: Terms | None) -> int:
    return terms.delay(wish.request.client_order_id) if terms else 0


def _place_all(venue: str, wishes: Sequence[Wish], held: set[MarketKey], source: Prices) -> list[Answer]:
    """Place orders; `held` are the markets in which their accounts hold contracts."""
    asked = {MarketKey(wish.request.kind, wish.request.symbol) for wish in wishes}
    scene = scene_of(venue, asked | held, source=source, now=timezone.now())
    with transaction.atomic():
        accounts = locked(venue, sorted({wish.access.id for wish in wishes}))
        # The time under the lock: an account's trades happen in the order in which they are seen.
        scene = replace(scene, now=timezone.now())
        taken = client_order_ids_taken(
            [
                (accounts[wish.access.id].id, wish.request.client_order_id)
                for wish in wishes
                if wish.access.id in accounts
            ]
        )
        changes = Changes(venue, scene.now)
        outcomes = [_place(wish, accounts.get(wish.access.id), scene, taken, changes) for wish in wishes]
        ids = changes_write(changes) if changes.orders else {}
    return [outcome if isinstance(outcome, VenueError) else _reported(*outcome, ids) for outcome in outcomes]


Placed = tuple[Account, engine.Outcome]


def _place(
    wish: Wish, account: Account | None, scene: Scene, taken: set[tuple[int, str]], changes: Changes
) -> Placed | VenueError:
    request = wish.request
    if account is None:
        return _stranger(wish.access)
    if time.monotonic() >= wish.until:
        return not_sent()
    identity = (account.id, request.client_order_id)
    if identity in taken:
        # The order that is there may be the very one that this request repeats.
        return OutcomeUnknown("Client order id is duplicated.")
    view = scene.view(MarketKey(request.kind, request.symbol))
    if view is None:
        return Rejected("Invalid symbol.", reason=RejectReason.UNKNOWN_SYMBOL)
    account.ledger.hedge_mode = wish.access.hedge_mode
    try:
        check_capabilities(request, capabilities(account.venue, paper=True))
        outcome = engine.place(account.ledger, request, view, account.terms)
    except Rejected as refusal:
        return refusal
    taken.add(identity)
    changes.note(account, outcome.ledger, [outcome.order], outcome.trades)
    return account, outcome


def _reported(account: Account, outcome: engine.Outcome, ids: dict[tuple[int, str], int]) -> OrderReport:
    order = replace(outcome.order, id=ids[account.id, outcome.order.client_order_id])
    return order_report(order, outcome.trades)


def cancel(venue: str, access: AccountAccess, reference: OrderReference) -> OrderReport:
    """Cancel an order; one that is final already is returned as it is."""
    with transaction.atomic():
        account = locked(venue, [access.id]).get(access.id)
        now = timezone.now()
        if account is None:
            raise _stranger(access)
        order = _find(account, reference)
        if order is None:
            raise Rejected("Unknown order sent.", reason=RejectReason.UNKNOWN_ORDER, code="-2011")
        if order.is_open:
            outcome = engine.cancel(account.ledger, order, now=now, status=VenueStatus.CANCELED)
            changes = Changes(venue, now)
            changes.note(account, outcome.ledger, [outcome.order], ())
            changes_write(changes)
            order = outcome.order
    return order_report(order)


def query(venue: str, access: AccountAccess, reference: OrderReference) -> OrderReport | None:
    """Return an order with its trades, None where the account has none of that id."""
    account = known(venue, access)
    order = _find(account, reference)
    if order is None:
        return None
    trades = [trade for _, trade in _trades("WHERE order_id = %s ORDER BY id", [order.id])]
    return order_report(order, trades)


def open_orders(venue: str, access: AccountAccess, symbol: str | None) -> list[OrderReport]:
    """Return the orders that still may trade, oldest first."""
    account = known(venue, access)
    condition, parameters = "WHERE account_id = %s AND status = ANY(%s)", [account.id, OPEN]
    if symbol is not None:
        condition, parameters = f"{condition} AND symbol = %s", [*parameters, symbol]
    return [order_report(order) for _, order in orders_read(f"{condition} ORDER BY id", parameters)]


def fills(
    venue: str, access: AccountAccess, symbol: str, kind: MarketKind, venue_order_id: str, since: datetime | None
) -> list[FillReport]:
    """Return trades in a market, oldest first: of one order, or since a moment."""
    account = known(venue, access)
    condition = "WHERE account_id = %s AND kind = %s AND symbol = %s"
    parameters: list[object] = [account.id, kind.value, symbol]
    if venue_order_id:
        condition += " AND order_id = %s"
        parameters.append(_number(venue_order_id))
    if since is not None:
        condition += " AND time >= %s"
        parameters.append(since)
    trades = _trades(f"{condition} ORDER BY id", parameters)
    orders = {
        order.id: order for _, order in orders_read("WHERE id = ANY(%s)", [sorted({number for number, _ in trades})])
    }
    return [fill_report(orders[order_id], trade) for order_id, trade in trades]


def locked(venue: str, keys: Sequence[str]) -> dict[str, Account]:
    """Return accounts by key with their positions, locked until the transaction ends."""
    accounts = accounts_read(venue, keys=keys, lock=True)
    positions_read(accounts)
    return {account.key: account for account in accounts}


def known(venue: str, access: AccountAccess) -> Account:
    """Return an account without its positions; `AuthFailed` where there is none of that name."""
    accounts = accounts_read(venue, keys=[access.id], lock=False)
    if not accounts:
        raise _stranger(access)
    return accounts[0]


def known_whole(venue: str, access: AccountAccess) -> Account:
    """Return an account with its positions, all of one moment; `AuthFailed` where there is none of that name."""
    account = account_read_whole(venue, access.id)
    if account is None:
        raise _stranger(access)
    return account


def _stranger(access: AccountAccess) -> AuthFailed:
    return AuthFailed("There is no such paper account.")


def _find(account: Account, reference: OrderReference) -> Order | None:
    """Return the order that is meant, by our own id where there is one."""
    identity: tuple[str, object] = ("client_order_id", reference.client_order_id)
    if not reference.client_order_id:
        identity = ("id", _number(reference.venue_order_id))
    found = orders_read(f"WHERE account_id = %s AND {identity[0]} = %s", [account.id, identity[1]])
    orders = [order for _, order in found if (order.kind, order.symbol) == (reference.kind, reference.symbol)]
    return orders[0] if orders else None


def _number(venue_order_id: str) -> int:
    """Return the number of an order; zero, which no order has, for what is none."""
    return int(venue_order_id) if venue_order_id.isascii() and venue_order_id.isdigit() else 0


def _trades(condition: str, parameters: Sequence[object]) -> list[tuple[int, Trade]]:
    return [
        (
            row[0],
            Trade(
                client_order_id="",
                number=row[1],
                price=plain(row[2]),
                quantity=plain(row[3]),
                quote_quantity=plain(row[4]),
                base_quantity=plain(row[5]),
                fee=plain(row[6]),
                fee_asset=row[7],
                is_maker=row[8],
                realized_pnl=None if row[9] is None else plain(row[9]),
                time=row[10],
            ),
        )
        for row in run(f"{TRADES} {condition}", parameters)
    ]

"""Findings into orders: one short transaction for any number of them, each step of an order's life appended."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from msgspec.structs import replace

from copytrade.lib.database import DATABASE_AWAY, is_contention
from copytrade.lib.sql import look_up_by_number
from copytrade.lib.wake import wake_on_commit
from markets.venues.base import FillReport, OrderReport
from markets.venues.vocabulary import VenueStatus
from orders.executor.decisions import Decision, Standing, Terms, decide
from orders.executor.findings import Finding, Source
from orders.executor.rows import OrderRow, led_hold, orders_lock_rows
from orders.models import AccountState, Credential, TradingAccount
from orders.services.booking import Booked, awaits_copy, fills_book
from orders.services.storing import (
    LONGEST_CODE,
    AnyOrder,
    event_row,
    orders_store,
    paces,
    send_window,
    told_text,
)
from orders.services.totals import totals, worth_take
from orders.states import AT_VENUE, FINAL, PROGRESS, STATES, OrderState, Progress, advance

logger = logging.getLogger(__name__)

# To look a member up takes longer than to compare it, and each order asks for ten.
PENDING, FILLED, FAILED = OrderState.PENDING, OrderState.FILLED, OrderState.FAILED
REPLY, STREAM = Source.REPLY, Source.STREAM
EXPLAINED = frozenset({OrderState.UNKNOWN, OrderState.FAILED})  # what they say of the reason ends with them


class Follow(Protocol):
    """Who takes up what became of orders in the transaction that stores it."""

    @property
    def wakes_copies(self) -> bool:
        """Whether it wakes those who copy what was traded itself, once that is committed."""
        ...

    def book(self, orders: Sequence[OrderRow], trades: Sequence[Booked]) -> None:
        """Take up locked orders as they were stored just now, with their new trades."""
        ...


class KeyRefusal(NamedTuple):
    """What a venue said of an account's key; `taken_at` is when the order that left with it was taken for sending."""

    reason: str
    taken_at: datetime


class FollowError(Exception):
    """What follows from the findings could not be stored; the cause is its own."""


def findings_record(findings: Sequence[Finding], *, follow: Follow | None = None) -> bool:
    """Store what was learnt: orders moved, trades booked, holdings changed, events appended.

    Findings of one order are taken in their order. Repeating a finding changes nothing. One that the database does not
    take is left out, without the venue's raw words, and does not hold up the others. Return whether `follow` has taken
    up what became of them; where it cannot, they are stored without it, and their trades wait to be taken up.
    """
    try:
        refused = _record(findings, follow)
    except FollowError as error:
        logger.exception("What %s findings lead to is booked later", len(findings), exc_info=error.__cause__)
        findings_record(findings)
        return False
    except (DataError, IntegrityError) as error:
        _record_apart(findings, error)
        return False
    if refused:
        _pause_refused(refused)  # in a transaction of its own: others lock the account first and its orders second
    return follow is not None


def _record_apart(findings: Sequence[Finding], error: Exception) -> None:
    by_order: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_order[finding.order_id].append(finding)
    if len(by_order) > 1:
        for mine in by_order.values():
            findings_record(mine)
    elif any(finding.report and finding.report.raw for finding in findings):
        logger.warning("Order %s: the venue's answer cannot be stored whole: %s", *by_order, error)
        findings_record([_without_words(finding) for finding in findings])
    else:
        logger.error("Order %s: what was learnt cannot be stored", *by_order, exc_info=error)


@transaction.atomic
def _record(findings: Sequence[Finding], follow: Follow | None) -> dict[int, KeyRefusal]:
    """Store findings; return the accounts whose key was refused."""
    look_up_by_number()
    orders = {order.id: order for order in orders_lock_rows({finding.order_id for finding in findings})}
    known = [finding for finding in findings if finding.order_id in orders]
    told = [(orders[finding.order_id], trade) for finding in known for trade in finding.all_fills]
    _see_who_leads([order for order, _ in told])
    events: list[dict[str, Any]] = []
    refused: dict[int, KeyRefusal] = {}
    pace, window, now = paces(), send_window(), timezone.now()
    for finding in known:
        order = orders[finding.order_id]
        terms = Terms(window, pace(order.account).request_lifetime)
        if _take(order, finding, terms, events, now).account_refused:
            refused[order.account_id] = KeyRefusal(order.reason, order.claimed_at or finding.asked_at)
    sources = {finding.order_id: finding.source for finding in known}
    booked = _book(told, sources, events, now, followed=follow is not None)
    orders_store(list(orders.values()), events)
    if follow is not None:
        _follow(follow, list(orders.values()), booked)
    if follow is None or not follow.wakes_copies:
        _wake_copiers([order for order, _ in told])
    _wake_sweep([orders[finding.order_id] for finding in known if finding.source != REPLY])
    return refused


def _see_who_leads(traded: Sequence[OrderRow]) -> None:
    """Ask again about accounts that nobody copied, and hold them so.

    The first copy of one may begin now with what is held: either these trades are in that, or they are marked for it.
    """
    alone = [order for order in traded if not awaits_copy(order)]
    if alone:
        led = led_hold({order.account_id for order in alone})
        for order in alone:
            order.account = order.account._replace(is_led=led[order.account_id])


def _follow(follow: Follow, orders: Sequence[OrderRow], trades: Sequence[Booked]) -> None:
    try:
        follow.book(orders, trades)
    except DATABASE_AWAY as error:
        if is_contention(error):
            raise FollowError from error
        raise
    except Exception as error:
        raise FollowError from error


def _wake_copiers(traded: Sequence[OrderRow]) -> None:
    """Wake those who copy what was traded."""
    if any(order.cause_id is None and awaits_copy(order) for order in traded):
        wake_on_commit("replication.fan_out")


def _wake_sweep(asked: Sequence[OrderRow]) -> None:
    """Wake those who settle copies' orders. Whoever sends one waits for its reply itself."""
    if any(order.cause_id is not None for order in asked):
        wake_on_commit("replication.sweep")


def _without_words(finding: Finding) -> Finding:
    report = replace(finding.report, raw={}, reason="") if finding.report else None
    return replace(finding, report=report)


def _take(order: OrderRow, finding: Finding, terms: Terms, events: list[dict[str, Any]], now: datetime) -> Decision:
    decision = decide(_standing(order), finding, now=now, terms=terms)
    if finding.sent_at is not None:
        order.sent_at = finding.sent_at
    if finding.fills:
        order.absent_since = None
    if finding.absent:
        order.absent_since = order.absent_since or finding.asked_at
    elif finding.report is not None:
        asked = finding.source != STREAM  # which has other words for everything
        first = finding.source == REPLY or (asked and not order.is_answered)
        _take_report(order, finding.report, first=first)
    elif finding.error is not None and finding.error.code and decision.state in FINAL:
        order.venue_response = {"code": finding.error.code, "msg": finding.error.message}  # its refusal, in its words
    _move(order, decision, finding.source, events, now)
    return decision


def _take_report(order: OrderRow, report: OrderReport, *, first: bool) -> None:
    order.absent_since = None
    if PROGRESS[report.status] >= PROGRESS.get(order.state, 0):
        # A stop has another number once it is triggered; a late report still tells the old one.
        order.venue_order_id = report.venue_order_id or order.venue_order_id
        if not order.attempts_allowed:  # it was not placed here: whoever did may change it at the venue
            order.quantity = report.quantity or order.quantity
    order.quantity = order.quantity or report.quantity or None
    if report.filled_quantity and report.filled_quantity >= order.filled_quantity:  # an older report knows less
        order.filled_quote = report.filled_quote if report.filled_quote is not None else order.filled_quote
        order.average_price = report.average_price or order.average_price
    if first:
        order.venue_response, order.is_answered = dict(report.raw), True


def _move(order: AnyOrder, decision: Decision, source: Source, events: list[dict[str, Any]], now: datetime) -> None:
    if decision.state == PENDING and order.cancel_requested_at is not None:
        decision = Decision(OrderState.CANCELED, decision.filled, "CANCELED_UNSENT", "Cancelled before it was sent.")
    before, filled = order.state, order.filled_quantity
    if (before, filled) == (decision.state, decision.filled):
        return
    order.updated_at = now
    order.state, order.filled_quantity, order.checks = decision.state, decision.filled, 0
    if decision.code or decision.message or before in EXPLAINED:
        order.reason_code, order.reason = decision.code[:LONGEST_CODE], told_text(decision.message)
    if decision.state in AT_VENUE:
        order.acknowledged_at = order.acknowledged_at or order.updated_at
    order.finished_at = (order.finished_at or order.updated_at) if decision.state in FINAL else None
    if decision.state == PENDING:
        order.absent_since = None
    if decision.send_after is not None:
        order.send_after = decision.send_after
    events.append(event_row(order, before, source, code=decision.code, message=decision.message))


def _book(
    told: Sequence[tuple[OrderRow, FillReport]],
    sources: Mapping[int, Source],
    events: list[dict[str, Any]],
    now: datetime,
    *,
    followed: bool,
) -> list[Booked]:
    """Store trades; orders of which all that is filled is booked are as these say."""
    if not told:
        return []
    booked = fills_book(told, followed=followed)
    traded = {order.id: order for order, _ in told}
    for pk, sums in totals(traded, booked).items():
        order = traded[pk]
        order.booked_quantity = sums[0]
        if order.booked_quantity >= order.filled_quantity:
            worth_take(order, sums)
            if order.state != FILLED or order.filled_quantity != order.booked_quantity:  # mostly its report says so
                _move(order, _after_trades(order, order.booked_quantity), sources[pk], events, now)
    return booked


def _after_trades(order: AnyOrder, booked: Decimal) -> Decision:
    whole = order.quantity is not None and booked >= order.quantity
    status = VenueStatus.FILLED if whole else VenueStatus.PARTIALLY_FILLED
    progress = Progress(STATES[order.state], order.filled_quantity)
    if order.state in FINAL and not whole and order.state != FAILED:
        return Decision(progress.state, max(progress.filled, booked))
    moved = advance(progress, status, booked)
    return Decision(moved.state, moved.filled)


def _standing(order: OrderRow) -> Standing:
    return Standing(
        state=STATES[order.state],
        filled=order.filled_quantity,
        attempts=order.attempts,
        attempts_allowed=order.attempts_allowed,
        absent_since=order.absent_since,
        claimed_at=order.claimed_at,
        send_before=order.send_before,
    )


@transaction.atomic
def _pause_refused(refused: Mapping[int, KeyRefusal]) -> None:
    """Stop accounts whose key was refused, but for those whose owner has saved another one since it was read."""
    rows = TradingAccount.objects.select_for_update(no_key=True).filter(pk__in=refused, state=AccountState.ACTIVE)
    accounts = list(rows.order_by("pk"))
    saved = dict(Credential.objects.filter(account__in=accounts).values_list("account_id", "updated_at"))
    for account in accounts:  # a wrong key is rare, and each one has words of its own
        reason, taken_at = refused[account.pk]
        if account.pk not in saved or saved[account.pk] <= taken_at:
            account.state, account.state_reason = AccountState.AUTH_FAILED, reason
            account.save(update_fields=["state", "state_reason"])

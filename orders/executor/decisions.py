"""What a finding does to an order (pure)."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from markets.venues.errors import AuthFailed, OutcomeUnknown, RateLimited, Rejected, Retryable, VenueDown, VenueError
from orders.executor.findings import Finding
from orders.executor.timing import FIRST_RETRY, absence_is_proof_from, back_off, scattered
from orders.states import IN_DOUBT, OPEN, OrderState, Progress, advance, move

# A venue's books may lag behind its answers: it has to say so more than once, over some time.
GONE_AFTER = timedelta(seconds=60)
NEVER_ARRIVED_AFTER = timedelta(seconds=1)


NEVER_ARRIVED = "The venue never received this order."


class Standing(msgspec.Struct, frozen=True):
    """What matters of an order for a decision."""

    state: OrderState
    filled: Decimal
    attempts: int
    attempts_allowed: int
    absent_since: datetime | None
    claimed_at: datetime | None
    send_before: datetime


class Terms(msgspec.Struct, frozen=True):
    """How long the worker may take to send, and a request to arrive."""

    send_window: timedelta
    request_lifetime: timedelta


class Decision(msgspec.Struct, frozen=True):
    """Where the order goes, and why. `send_after`: when it may be sent again, or could be if it had attempts left."""

    state: OrderState
    filled: Decimal
    code: str = ""
    message: str = ""
    send_after: datetime | None = None
    account_refused: bool = False


def decide(standing: Standing, finding: Finding, *, now: datetime, terms: Terms) -> Decision:
    """Return what the finding leads to; an order that it does not concern any more stays as it is."""
    if finding.report is not None:
        progress = advance(
            Progress(standing.state, standing.filled), finding.report.status, finding.report.filled_quantity
        )
        return Decision(progress.state, progress.filled, message=finding.report.reason)
    if finding.error is not None:
        return _on_error(standing, finding, finding.error, now)
    if finding.absent:
        return _on_absence(standing, finding.asked_at, now, terms)
    return Decision(standing.state, standing.filled)


def _on_error(standing: Standing, finding: Finding, error: VenueError, now: datetime) -> Decision:
    stay = Decision(standing.state, standing.filled)
    # What an earlier attempt was told says nothing about one that is under way.
    placing = finding.sent_at is not None and finding.attempt == standing.attempts
    if not placing or standing.state not in IN_DOUBT:
        return stay  # a question that failed says nothing about the order
    match error:
        case OutcomeUnknown():
            state = OrderState.UNKNOWN
            if standing.state == state:
                return stay
            return Decision(move(standing.state, state), standing.filled, error.code or "UNKNOWN", error.message)
        case Rejected():
            return Decision(move(standing.state, OrderState.REJECTED), standing.filled, error.reason, error.message)
        case AuthFailed():
            failed = move(standing.state, OrderState.FAILED)
            return Decision(failed, standing.filled, "AUTH_FAILED", error.message, account_refused=True)
        case _:
            after = _not_before(standing, finding.order_id, error, now)
            return _again_or_failed(standing, _code(error), error.message, after)


def _on_absence(standing: Standing, asked_at: datetime, now: datetime, terms: Terms) -> Decision:
    stay = Decision(standing.state, standing.filled)
    absent_for = asked_at - standing.absent_since if standing.absent_since else timedelta(0)
    if standing.state in OPEN and absent_for >= GONE_AFTER:
        return Decision(OrderState.EXPIRED, standing.filled, "GONE_AT_VENUE", "The venue no longer has this order.")
    if standing.state not in IN_DOUBT or standing.claimed_at is None:
        return stay
    proof_from = absence_is_proof_from(standing.claimed_at, terms.send_window, terms.request_lifetime)
    if asked_at >= proof_from and absent_for >= NEVER_ARRIVED_AFTER:
        if standing.attempts < standing.attempts_allowed:
            return _again_or_failed(standing, "NEVER_ARRIVED", NEVER_ARRIVED, now)
        return Decision(move(standing.state, OrderState.FAILED), standing.filled, "NEVER_ARRIVED", NEVER_ARRIVED)
    if standing.state == OrderState.UNKNOWN:
        return stay
    return Decision(OrderState.UNKNOWN, standing.filled, "UNKNOWN", "The venue does not have it yet; asking again.")


def _again_or_failed(standing: Standing, code: str, message: str, after: datetime) -> Decision:
    """What is proven not to be at the venue is sent again until its time is over, unless it had only one attempt."""
    if standing.attempts_allowed > 1 and after < standing.send_before:
        again = move(standing.state, OrderState.PENDING)
        return Decision(again, standing.filled, code, message, send_after=after)
    return Decision(move(standing.state, OrderState.FAILED), standing.filled, code, message, send_after=after)


def _not_before(standing: Standing, order_id: int, error: VenueError, now: datetime) -> datetime:
    wait = back_off(standing.attempts - 1, FIRST_RETRY)
    earliest = now + wait
    match error:
        case RateLimited():
            earliest = max(error.until, earliest)
        case Retryable():
            earliest = max(now + error.after, earliest)
    return earliest + scattered(wait, order_id, standing.attempts)


def _code(error: VenueError) -> str:
    match error:
        case RateLimited():
            return "RATE_LIMITED"
        case VenueDown():
            return "VENUE_DOWN"
        case Retryable():
            return "VENUE_BUSY"
        case _:
            return "NOT_SUPPORTED"

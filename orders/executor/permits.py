"""Whether an order may be sent now (pure): halts, switches and time, asked again right before each sending."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec


class Halt(NamedTuple):
    """An active stop; `venue` and `account_id` say how far it reaches, both empty for everything."""

    venue: str
    account_id: int | None
    reduce_only: bool
    reason: str


class Applicant(msgspec.Struct, frozen=True):
    """An order that wants to be sent."""

    account_id: int
    venue: str
    venue_known: bool
    live: bool
    live_enabled: bool
    account_active: bool
    account_reason: str
    is_exit: bool
    send_before: datetime


class Refusal(msgspec.Struct, frozen=True):
    """Why not: a code for programs, a sentence for people."""

    code: str
    message: str


def refuse(applicant: Applicant, halts: Sequence[Halt], *, live_trading: bool, now: datetime) -> Refusal | None:
    """Return why an order may not be sent, None where it may."""
    if applicant.send_before <= now:
        return Refusal("NOT_SENT_IN_TIME", "It could not be sent in time, and was not sent.")
    if not applicant.venue_known:
        return Refusal("VENUE_UNKNOWN", f"The venue {applicant.venue} is not one of this installation.")
    if applicant.live and not (live_trading and applicant.live_enabled):
        return Refusal("LIVE_TRADING_OFF", "Live trading is switched off, for this installation or this account.")
    if not applicant.account_active:
        return Refusal("ACCOUNT_PAUSED", f"The account does not trade: {applicant.account_reason or 'it is paused'}.")
    for halt in halts:
        if _reaches(halt, applicant) and not (halt.reduce_only and applicant.is_exit):
            return Refusal("TRADING_HALTED", f"Trading is halted: {halt.reason}.")
    return None


def is_exit(*, buy: bool, reduces: bool, position_side: str, spot: bool) -> bool:
    """Return whether an order can only make a position smaller, whatever else is under way.

    `reduces` is the order's own reduce-only or close-position, which the venue enforces in one-way mode, or that it was
    written here to close what is held, with all that is under way counted. In hedge mode the side of the position alone
    tells. What just happens to be smaller than the position is no exit: two of those turn it.
    """
    if position_side != "BOTH":
        return buy == (position_side == "SHORT")
    return reduces or (spot and not buy)


def _reaches(halt: Halt, applicant: Applicant) -> bool:
    if halt.account_id is not None:
        return halt.account_id == applicant.account_id
    return halt.venue in {"", applicant.venue}

"""What keeps an account from sending, whatever a copy wants (pure)."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from orders.executor.permits import Halt
from replication.vocabulary import Reason


class Sender(Protocol):
    """An account that would send."""

    @property
    def account_id(self) -> int: ...  # noqa: D102
    @property
    def venue(self) -> str: ...  # noqa: D102
    @property
    def live(self) -> bool: ...  # noqa: D102
    @property
    def live_enabled(self) -> bool: ...  # noqa: D102
    @property
    def account_state(self) -> str: ...  # noqa: D102
    @property
    def account_reason(self) -> str: ...  # noqa: D102


class Block(msgspec.Struct, frozen=True):
    """Why an account does not send now. Exits wait for its end; entries are skipped."""

    code: Reason
    message: str
    stops_exits: bool


def block_of(sender: Sender, halts: Sequence[Halt], *, live_trading: bool) -> Block | None:
    """Return what keeps an account from sending, None where nothing does; `orders.executor` asks again itself."""
    if sender.account_state != "active":
        why = sender.account_reason or f"it is {sender.account_state}"
        return Block(Reason.ACCOUNT_PAUSED, f"The account does not trade: {why}.", stops_exits=True)
    if sender.live and not (live_trading and sender.live_enabled):
        where = "this account" if live_trading else "this installation"
        return Block(Reason.LIVE_TRADING_OFF, f"Live trading is switched off for {where}.", stops_exits=True)
    if not halts:  # as nearly always
        return None
    reaching = [halt for halt in halts if _reaches(halt, sender)]
    if not reaching:
        return None
    hardest = next((halt for halt in reaching if not halt.reduce_only), reaching[0])
    return Block(Reason.TRADING_HALTED, f"Trading is halted: {hardest.reason}.", stops_exits=not hardest.reduce_only)


def leader_block(status: str) -> Block | None:
    """Return why nobody opens what a leader opens: staff have not approved the leader, or have paused it."""
    if status in {"approved", "featured"}:
        return None
    return Block(Reason.LEADER_PAUSED, f"This leader is {status}: only exits are copied.", stops_exits=False)


def _reaches(halt: Halt, sender: Sender) -> bool:
    if halt.account_id is not None:
        return halt.account_id == sender.account_id
    return halt.venue in {"", sender.venue}

"""Copies: begun, changed, paused, resumed, stopped, funded; each step is audited and told to the follower."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields, replace
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.errors import InvalidInput
from copytrade.lib.locks import lock_for_transaction
from copytrade.realtime.services import messages_publish
from orders.models import TradingAccount
from replication.defaults import settings_filled
from replication.engine.vanished import vanished_signals
from replication.models import Copy, CopyFunds, CopyPosition
from replication.selectors.defaults import copy_defaults_of
from replication.services.catching_up import open_positions_signal
from replication.services.flags import accounts_lock_to_begin, leader_marks_set
from replication.services.following import account_for
from replication.services.funding import funds_refuse, peak_without
from replication.services.messages import copy_messages
from replication.services.refusing import (
    CopyConflict,
    account_refuse,
    beginning_refuse,
    ended_refuse,
    equity_refuse,
    leader_refuse,
    number_refuse,
    settings_refuse,
    turning_refuse,
)
from replication.services.stopping import ENDED, copy_end, positions_exit, stopping_step
from replication.services.withdrawing import orders_take_back
from replication.terms import CopySettings
from replication.vocabulary import CopyState, Reason
from traders.models import LeadTrader

logger = logging.getLogger(__name__)

STOPPED = "Stopped by its owner."
PAUSED = "The copy was paused before this could be sent."


def copy_start(
    *,
    user: User,
    trader: LeadTrader,
    settings: CopySettings,
    account: TradingAccount | None = None,
    left_open: Collection[str] = (),
) -> Copy:
    """Begin to copy a leader on an account, or on the user's paper account that suits the leader best.

    The limits that are `left_open` are those of `replication.defaults`. Without an account that suits, one is opened on
    paper. Wrong settings are `InvalidInput` with all that is wrong; a leader who is not open to copying, oneself, one
    whom the account copies already, or one copy more than there may be is `CopyConflict`.
    """
    settings_refuse(settings)
    leader_refuse(user, trader)
    equity_refuse(trader, settings)
    with transaction.atomic():
        lock_for_transaction(f"copies of user {user.pk}")  # so that two at once do not both count themselves the last
        number_refuse(user)
        chosen = account or account_for(user=user, trader=trader)
        accounts_lock_to_begin(account=chosen, trader=trader)
        chosen.refresh_from_db(fields=["state", "equity"])
        account_refuse(chosen)
        if left_open:
            sources = copy_defaults_of(user=user, venue=chosen.venue, account=chosen)
            settings = settings_filled(settings, left_open, sources)
        if settings.allocated is not None:
            funds_refuse(account=chosen, amount=settings.allocated, path="allocated")
        copy = _insert(chosen, trader, settings)
        leader_marks_set(trader_id=trader.pk)
        if settings.copy_open_positions:
            vanished_signals()  # what a report shows by now is news to the others, too
            open_positions_signal(copy=copy)
        _told(copy, user, "start", {"trader": str(trader.pk), "account": chosen.pk})
    return copy


@transaction.atomic
def copy_change(*, copy: Copy, changes: Mapping[str, Any], actor: User) -> Copy:
    """Change how a copy sizes and its limits, from the next signal on; its funds have their own way.

    `changes` are fields of `CopySettings`; what they do not name stays, whoever changes that at the same time.
    """
    locked = _locked(copy)
    ended_refuse(locked)
    before = settings_of(locked)
    settings = replace(before, **changes)
    settings_refuse(settings)
    beginning_refuse(locked, settings)
    turning_refuse(locked, settings)
    if settings.strategy != before.strategy:
        equity_refuse(locked.trader, settings)
    _apply(locked, settings, keep=("allocated",))
    locked.save()
    _told(locked, actor, "change", _difference(before, settings_of(locked)))
    return locked


@transaction.atomic
def copy_pause(*, copy: Copy, actor: User, by_staff: bool = False) -> Copy:
    """Copy exits only, until it is resumed; what was not sent yet opens nothing. Pausing again changes nothing."""
    locked = _locked(copy)
    ended_refuse(locked)
    mark = _pause_mark(by_staff=by_staff)
    if locked.state != CopyState.STOPPING and not getattr(locked, mark):
        setattr(locked, mark, True)
        _set_state(locked, CopyState.PAUSED, _pause_told(locked), actor, "pause")
        orders_take_back(copy=locked, code=Reason.COPY_PAUSED, message=PAUSED)
    return locked


@transaction.atomic
def copy_resume(*, copy: Copy, actor: User, by_staff: bool = False) -> Copy:
    """Copy entries again, of trades from now on; resuming again changes nothing.

    What staff paused they resume, and what its owner did, the owner; a copy that both have paused goes on after both.
    """
    locked = _locked(copy)
    ended_refuse(locked)
    if locked.state == CopyState.STOPPING:
        raise CopyConflict("This copy is stopping: follow the leader anew once it has ended.")
    if locked.paused_by_staff and not by_staff:
        raise CopyConflict("Staff have paused this copy: ask them to resume it. You can stop it.")
    mark = _pause_mark(by_staff=by_staff)
    if locked.state == CopyState.PAUSED and not getattr(locked, mark):
        raise CopyConflict("Its owner has paused this copy, and resumes it.")
    if locked.state == CopyState.PAUSED:
        setattr(locked, mark, False)
        goes_on = not locked.paused_by_owner
        locked.resumed_at = timezone.now()
        _set_state(locked, CopyState.ACTIVE if goes_on else CopyState.PAUSED, _pause_told(locked), actor, "resume")
    return locked


@transaction.atomic
def copy_stop(*, copy: Copy, close: bool, actor: User | None, reason: str = STOPPED) -> Copy:
    """End a copy. With `close` all that it holds is closed first; else that stays in the account, the owner's to close.

    Stopping again changes nothing, but what is being closed may still be kept: the copy ends at once then.
    """
    locked = _locked(copy)
    if locked.state == CopyState.ENDED or (close and locked.state == CopyState.STOPPING):
        return locked
    if close:
        _set_state(locked, CopyState.STOPPING, reason, actor, "stop")
        orders_take_back(copy=locked, code=Reason.COPY_ENDED, message=ENDED)
        stopping_step(copy_id=locked.pk)
        locked.refresh_from_db()
    else:
        copy_end(copy=locked, reason=reason)
        _audit(locked, actor, "stop", {"close": False})
    return locked


@transaction.atomic
def copy_position_close(*, position: CopyPosition, actor: User) -> None:
    """Close one position of a copy without leaving the leader. What is flat, or of an ended copy, is `CopyConflict`."""
    copy = _locked(position.copy)
    ended_refuse(copy)
    current = CopyPosition.objects.select_related("market", "copy__trader").get(pk=position.pk)
    if not current.is_open:
        raise CopyConflict("This position is closed already.")
    positions_exit([current])
    _audit(copy, actor, "close_position", {"symbol": current.market.symbol})


@transaction.atomic
def copy_funds_move(*, copy: Copy, amount: Decimal, actor: User) -> Copy:
    """Give a copy more funds as far as `funds_refuse` lets it, or take some where the amount is negative.

    How much may be taken says `peak_without`. A copy that works with the whole account has no funds of its own
    (`CopyConflict`).
    """
    locked = _locked(copy)
    ended_refuse(locked)
    if not amount.is_finite() or not amount:
        raise InvalidInput([{"path": "amount", "message": "must be more or less than 0"}])
    if locked.allocated is None:
        raise CopyConflict("This copy works with the whole account: begin one with funds of its own instead.")
    if amount > 0:
        funds_refuse(account=locked.account, amount=amount, path="amount")
    locked.peak_value = locked.peak_value + amount if amount > 0 else peak_without(locked, -amount)
    after = locked.allocated + amount
    locked.allocated, locked.base_value, locked.updated_at = after, locked.base_value + amount, timezone.now()
    locked.save(update_fields=["allocated", "base_value", "peak_value", "updated_at"])
    CopyFunds.objects.create(copy=locked, amount=amount, allocated=after)
    _told(locked, actor, "funds", {"amount": str(amount), "allocated": str(after)})
    return locked


def user_stop(*, user: User, close: bool, actor: User) -> list[Copy]:
    """Stop everything of a user: all copies end, with `close` after closing what they hold.

    One that cannot be stopped keeps no other from it: `CopyConflict` names those that run on.
    """
    over = [CopyState.ENDED, CopyState.STOPPING] if close else [CopyState.ENDED]
    stopped, left = [], []
    for copy in Copy.objects.filter(account__user=user).exclude(state__in=over):
        try:
            stopped.append(copy_stop(copy=copy, close=close, actor=actor, reason="Everything was stopped."))
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("Copy %s cannot be stopped", copy.pk)
            left.append(copy.pk)
    if left:
        message = f"{len(left)} of your copies could not be stopped and run on; the others are: try again."
        raise CopyConflict(message, details={"copies": left})
    return stopped


def settings_of(copy: Copy) -> CopySettings:
    """Return how a copy is set."""
    values = {field.name: getattr(copy, field.name) for field in fields(CopySettings)}
    for name in ("tiers", "allowed_symbols", "denied_symbols"):
        values[name] = tuple(values[name])
    return CopySettings(**values)


def _insert(account: TradingAccount, trader: LeadTrader, settings: CopySettings) -> Copy:
    copy = Copy(account=account, trader=trader)
    _apply(copy, settings)
    copy.base_value = settings.allocated if settings.allocated is not None else account.equity
    copy.peak_value = copy.base_value
    try:
        with transaction.atomic():
            copy.save(force_insert=True)
    except IntegrityError as error:
        if "replication_copy_once" not in str(error):
            raise
        raise CopyConflict("This account copies this leader already: change that copy instead.") from None
    if settings.allocated is not None:
        CopyFunds.objects.create(copy=copy, amount=settings.allocated, allocated=settings.allocated)
    return copy


def _apply(copy: Copy, settings: CopySettings, *, keep: Sequence[str] = ()) -> None:
    for field in fields(CopySettings):
        if field.name not in keep:
            setattr(copy, field.name, getattr(settings, field.name))
    copy.tiers = [dict(tier) for tier in settings.tiers]
    copy.allowed_symbols, copy.denied_symbols = list(settings.allowed_symbols), list(settings.denied_symbols)
    copy.trading_hours = dict(settings.trading_hours or {})
    copy.updated_at = timezone.now()


def _locked(copy: Copy) -> Copy:
    """Lock a copy, its account first: whoever plans for it holds that, and has seen the copy as it was."""
    TradingAccount.objects.select_for_update(no_key=True).get(pk=copy.account_id)
    rows = Copy.objects.select_for_update(no_key=True, of=("self",)).select_related("account", "trader")
    return rows.get(pk=copy.pk)


def _pause_mark(*, by_staff: bool) -> str:
    return "paused_by_staff" if by_staff else "paused_by_owner"


def _pause_told(copy: Copy) -> str:
    if copy.paused_by_staff:
        return "Paused by staff."
    return "Paused by its owner." if copy.paused_by_owner else ""


def _set_state(copy: Copy, state: CopyState, reason: str, actor: User | None, action: str) -> None:
    before = copy.state
    copy.state, copy.state_reason, copy.updated_at = state, reason[:300], timezone.now()
    paused = ["paused_by_owner", "paused_by_staff", "resumed_at"]
    copy.save(update_fields=["state", "state_reason", *paused, "updated_at"])
    _told(copy, actor, action, {"state": [before, state.value]})


def _told(copy: Copy, actor: User | None, action: str, changes: dict[str, Any]) -> None:
    _audit(copy, actor, action, changes)
    messages_publish(copy_messages([copy]))


def _audit(copy: Copy, actor: User | None, action: str, changes: dict[str, Any]) -> None:
    audit_record(
        actor=actor, action=f"copy.{action}", target=f"copy:{copy.pk}"[:160], changes=changes, reason=copy.state_reason
    )


def _difference(before: CopySettings, after: CopySettings) -> dict[str, Any]:
    old, new = asdict(before), asdict(after)
    return {name: [_shown(old[name]), _shown(new[name])] for name in old if old[name] != new[name]}


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int)) else str(value)

"""Stopping trading, and letting it go on; the executor reads the rows before each sending. Each step is audited."""

from django.db import transaction
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.lib.errors import InvalidInput
from markets.venues.registry import venue_info
from orders.models import HaltMode, HaltScope, TradingAccount, TradingHalt
from orders.services.accounts import account_lock

LONGEST_REASON = 300


def halt_create(
    *,
    scope: HaltScope,
    mode: HaltMode,
    reason: str,
    actor: User | None,
    venue: str = "",
    account: TradingAccount | None = None,
) -> TradingHalt:
    """Stop every order of a scope (mode `all`), or every one that is no exit (`reduce_only`), from now on.

    `InvalidInput` where the scope lacks what it names, names more than that, or there is no reason.
    """
    _check_scope(scope, venue, account)
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise InvalidInput([{"path": "reason", "message": "say why: whoever meets the halt reads it"}])
    with transaction.atomic():
        halt = TradingHalt.objects.create(
            scope=scope, venue=venue, account=account, mode=mode, reason=reason, created_by=actor
        )
        audit_record(actor=actor, action="halt.create", target=_target(halt), changes={"mode": mode}, reason=reason)
    return halt


@transaction.atomic
def halt_lift(*, halt: TradingHalt, actor: User | None) -> TradingHalt:
    """End a halt; one that was lifted before stays as it is."""
    locked = TradingHalt.objects.select_for_update(of=("self",)).select_related("account", "created_by").get(pk=halt.pk)
    if locked.lifted_at is None:
        locked.lifted_at = timezone.now()
        locked.save(update_fields=["lifted_at"])
        audit_record(actor=actor, action="halt.lift", target=_target(locked), reason=locked.reason)
    return locked


@transaction.atomic
def account_halt(*, account: TradingAccount, mode: HaltMode, reason: str, actor: User) -> TradingHalt:
    """Stop an account for its owner; an earlier halt of the owner's gives way to this one, the desk's ones stay."""
    account_lock(account)
    own = list(_own_halts(account, actor))
    if len(own) == 1 and (own[0].mode, own[0].reason) == (mode, reason):
        return own[0]
    for halt in own:
        halt_lift(halt=halt, actor=actor)
    return halt_create(scope=HaltScope.ACCOUNT, account=account, mode=mode, reason=reason, actor=actor)


@transaction.atomic
def account_halt_lift(*, account: TradingAccount, actor: User) -> int:
    """End the halts that the owner put on an account; return how many. Those of the desk hold on."""
    account_lock(account)
    return sum(halt_lift(halt=halt, actor=actor).lifted_at is not None for halt in _own_halts(account, actor))


def _own_halts(account: TradingAccount, actor: User) -> list[TradingHalt]:
    return list(TradingHalt.objects.filter(account=account, created_by=actor, lifted_at=None).order_by("pk"))


def _check_scope(scope: HaltScope, venue: str, account: TradingAccount | None) -> None:
    if (scope == HaltScope.VENUE) != bool(venue):
        raise InvalidInput([{"path": "venue", "message": "name the venue of a venue's halt, and of no other one"}])
    if (scope == HaltScope.ACCOUNT) != (account is not None):
        message = "name the account of an account's halt, and of no other one"
        raise InvalidInput([{"path": "account_id", "message": message}])
    if venue:
        venue_info(venue)


def _target(halt: TradingHalt) -> str:
    where = halt.venue or (f"account:{halt.account_id}" if halt.account_id else "everything")
    return f"halt:{halt.pk} {where}"

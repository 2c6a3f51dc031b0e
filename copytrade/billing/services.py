"""Plans are made, changed and deleted, and given to people; each step is audited."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record, user_target
from copytrade.billing.models import Membership, Plan
from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput


class PlanInUse(ApplicationError):
    """Somebody has the plan."""

    code = ErrorCode.CONFLICT
    status = 409


@transaction.atomic
def plan_save(*, plan: Plan, actor: User | None) -> Plan:
    """Store a plan that is new or was changed; what it says holds within seconds. What is wrong is `InvalidInput`.

    Copies that run keep their limits, and go on where they are more than the plan allows now.
    """
    before = Plan.objects.select_for_update().filter(pk=plan.pk).first()
    try:
        plan.full_clean()
    except ValidationError as error:
        raise InvalidInput(_problems(error)) from None
    plan.save()
    if before is None:
        _audit(plan, actor, "create", _said(plan))
    elif changes := _difference(_said(before), _said(plan)):
        _audit(plan, actor, "change", changes)
    return plan


@transaction.atomic
def plan_delete(*, plan: Plan, actor: User | None) -> None:
    """Delete a plan; one that somebody has is `PlanInUse`."""
    target = _target(plan)
    try:
        plan.delete()
    except ProtectedError:
        raise PlanInUse("Somebody has this plan: give them another one first.") from None
    audit_record(actor=actor, action="plan.delete", target=target)


@transaction.atomic
def membership_set(*, user: User, plan: Plan | None, actor: User | None, reason: str = "") -> Membership | None:
    """Give somebody a plan, or with None the default one; the plan that they have changes nothing.

    Copies that run keep their limits, and go on where they are more than the new plan allows.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    before = Membership.objects.select_related("plan").filter(user=user).first()
    had = before.plan if before else None
    if had == plan:
        return before
    after = _membership_write(user, before, plan)
    changes = {"plan": [had and had.slug, plan and plan.slug]}
    audit_record(actor=actor, action="user.plan", target=user_target(user), changes=changes, reason=reason)
    return after


def _membership_write(user: User, before: Membership | None, plan: Plan | None) -> Membership | None:
    if plan is None:
        Membership.objects.filter(user=user).delete()
        return None
    if before is None:
        return Membership.objects.create(user=user, plan=plan)
    before.plan, before.since = plan, timezone.now()
    before.save(update_fields=["plan", "since"])
    return before


def _problems(error: ValidationError) -> list[dict[str, str]]:
    return [
        {"path": "" if path == NON_FIELD_ERRORS else path, "message": message}
        for path, messages in error.message_dict.items()
        for message in messages
    ]


def _said(plan: Plan) -> dict[str, Any]:
    """Return what a plan says, as JSON takes it; limits in their own digits."""
    names = ("slug", "name", "description", "position", "is_default", "currency", "most_copies", "writes_per_minute")
    return {name: getattr(plan, name) for name in names} | plan.said_in_digits


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    names = {**before, **after}
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}


def _audit(plan: Plan, actor: User | None, action: str, changes: dict[str, Any]) -> None:
    audit_record(actor=actor, action=f"plan.{action}", target=_target(plan), changes=changes)


def _target(plan: Plan) -> str:
    return f"plan:{plan.pk} {plan.slug}"

"""Plans: which there are, and which one somebody has."""

from django.core.cache import cache
from django.db.models import Q

from copytrade.accounts.models import User
from copytrade.billing.models import Membership, Plan

KEPT_SECONDS = 5  # how long a change of plans may take to count for budgets


def plans_list() -> list[Plan]:
    """Return all plans, in the order in which they are shown."""
    return list(Plan.objects.all())


def plan_of(user: User) -> Plan | None:
    """Return the plan of a user, else the default one, else None; in one statement."""
    own = Membership.objects.filter(user=user).values("plan")
    return Plan.objects.filter(Q(pk__in=own) | Q(is_default=True)).order_by("is_default").first()


def plan_writes_per_minute(user: User) -> int:
    """Return how many orders and other trades a minute a user's plan allows, 0 where it says nothing; kept a while."""
    return int(cache.get_or_set(f"billing:writes:{user.pk}", lambda: _writes(user), KEPT_SECONDS) or 0)


def _writes(user: User) -> int:
    plan = plan_of(user)
    return (plan.writes_per_minute or 0) if plan else 0

"""The demo's plans: two to look at, and its trader has the larger one. Nobody else's copies change by them."""

from decimal import Decimal
from typing import Any

from copytrade.accounts.models import User
from copytrade.billing.models import Membership, Plan
from copytrade.billing.services import membership_set, plan_save

STARTER: dict[str, Any] = {
    "slug": "demo-starter",
    "name": "Starter",
    "description": "To try it with little.",
    "position": 1,
    "currency": "USDT",
    "most_copies": 3,
    "max_order": Decimal(100),
    "max_exposure": Decimal(1000),
    "max_leverage": Decimal(3),
    "max_daily_loss": Decimal(50),
    "max_drawdown_percent": Decimal(20),
}
LARGE: dict[str, Any] = {
    "slug": "demo-large",
    "name": "Large",
    "description": "For many copies and quick hands.",
    "position": 2,
    "most_copies": 20,
    "writes_per_minute": 60,
    "max_drawdown_percent": Decimal(40),
}


def plans_seed(*, user: User) -> int:
    """Make what is missing of the plans, and give the demo's trader the larger one; return how many were made."""
    slugs = Plan.objects.filter(slug__in=[STARTER["slug"], LARGE["slug"]]).values_list("slug", flat=True)
    missing = [each for each in (STARTER, LARGE) if each["slug"] not in set(slugs)]
    for each in missing:
        plan_save(plan=Plan(is_demo=True, **each), actor=None)
    if not Membership.objects.filter(user=user).exists():
        membership_set(user=user, plan=Plan.objects.get(slug=LARGE["slug"]), actor=None)
    return len(missing)


def plans_remove() -> int:
    """Delete the plans, but those that staff have given to somebody; return how many that were."""
    return Plan.objects.filter(is_demo=True, memberships=None).delete()[0]

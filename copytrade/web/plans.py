"""The page of plans: what each gives, and which one is the visitor's."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from copytrade.accounts.models import User
from copytrade.billing.models import Plan
from copytrade.billing.selectors import plan_of, plans_list
from traders.templatetags.figures import quantity

WORDS = {
    "max_order": "up to {} {currency} an order",
    "max_symbol": "up to {} {currency} of one symbol",
    "max_exposure": "up to {} {currency} in all",
    "max_positions": "up to {} positions",
    "max_leverage": "up to {} times its funds",
    "max_daily_loss": "nothing new on a day after a loss of {} {currency}",
    "max_drawdown_percent": "ends after a fall by {}% from its peak",
    "max_slippage_percent": "prices up to {}% worse than the leader's",
    "max_signal_age_seconds": "trades up to {} seconds old",
}


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan in words; `own` for the one that the visitor has."""

    plan: Plan
    own: bool
    writes_per_minute: int
    limits: list[str]


def shown_plan(plan: Plan, own: Plan | None) -> ShownPlan:
    """Return a plan in words; `own` is the visitor's."""
    return ShownPlan(
        plan=plan,
        own=plan == own,
        writes_per_minute=max(plan.writes_per_minute or 0, settings.ORDER_RATE_LIMIT_MAX),
        limits=[
            WORDS[name].format(quantity(Decimal(value)), currency=plan.currency) for name, value in plan.said.items()
        ],
    )


@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """Show the plans."""
    own = plan_of(request.user) if isinstance(request.user, User) else None
    usual = {"writes": settings.ORDER_RATE_LIMIT_MAX, "leaders": settings.COPY_MOST_LEADERS}
    return render(
        request, "web/plans.html", {"plans": [shown_plan(plan, own) for plan in plans_list()], "usual": usual}
    )

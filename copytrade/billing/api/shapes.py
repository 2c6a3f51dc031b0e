"""Plans as they stand on the wire: amounts as texts."""

from typing import Annotated, Literal

import msgspec
from django.conf import settings

from copytrade.billing.models import Plan

Amount = Annotated[str, msgspec.Meta(pattern=r"^-?\d+(\.\d+)?$", examples=["862.324"])]


class LimitsInfo(msgspec.Struct, kw_only=True):
    """Limits of a copy; null says nothing. Shares are in percent."""

    max_order: Amount | None = None
    max_symbol: Amount | None = None
    max_exposure: Amount | None = None
    max_positions: int | None = None
    max_leverage: Amount | None = None
    max_daily_loss: Amount | None = None
    max_drawdown_percent: Amount | None = None
    max_slippage_percent: Amount | None = None
    max_signal_age_seconds: int | None = None


class PlanInfo(msgspec.Struct, kw_only=True):
    """What people may use. `limits` are what a copy begins with unless something else is given for it.

    Amounts of money among them are in `currency` (null where there are none); copies in other money do not begin with
    them. `most_copies` may run at once, paused ones too (null: no number), and `writes_per_minute` orders and other
    trades be sent. The default plan is that of everybody who has no other.
    """

    slug: Annotated[str, msgspec.Meta(examples=["starter"])]
    name: str
    description: str
    is_default: bool
    currency: Annotated[str, msgspec.Meta(examples=["USDT"])] | None
    limits: LimitsInfo
    most_copies: int | None
    writes_per_minute: int


class PlansAnswer(msgspec.Struct):
    """All plans."""

    success: Literal[True]
    data: list[PlanInfo]


def plan_info(plan: Plan) -> PlanInfo:
    """Return a plan as it stands on the wire."""
    return PlanInfo(
        slug=plan.slug,
        name=plan.name,
        description=plan.description,
        is_default=plan.is_default,
        currency=plan.currency or None,
        limits=msgspec.convert(plan.said_in_digits, LimitsInfo),
        most_copies=plan.most_copies,
        writes_per_minute=max(plan.writes_per_minute or 0, settings.ORDER_RATE_LIMIT_MAX),
    )

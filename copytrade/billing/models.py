"""Plans, and who has which."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from copytrade.billing.limits import LIMITS, MONEY, MOST, Figure, limits_problems
from copytrade.lib.fields import amount_field
from copytrade.lib.wire import plain_digits


def _limit(text: str) -> "models.DecimalField[Any, Any]":
    return amount_field(null=True, blank=True, help_text=text)


def _possible() -> Q:
    """Return that each limit is more than nothing and no more than it can be, where there is one."""
    possible = Q()
    for name in LIMITS:
        most = Q(**{f"{name}__lte": MOST[name]}) if name in MOST else Q()
        possible &= Q(**{f"{name}__isnull": True}) | (Q(**{f"{name}__gt": 0}) & most)
    return possible


class LimitColumns(models.Model):
    """The limits of a copy, in its words and units; null says nothing."""

    max_order = _limit("The most that one order may be worth; larger ones are cut.")
    max_symbol = _limit("The most that all of one symbol may be worth.")
    max_exposure = _limit("The most that all positions of the copy may be worth.")
    max_positions = models.PositiveSmallIntegerField(null=True, blank=True)
    max_leverage = _limit("Positions may be worth so many times the copy's funds.")
    max_daily_loss = _limit("After a loss of this much on a UTC day nothing is opened until the next.")
    max_drawdown_percent = _limit("After a fall by this much from its peak the copy closes all and ends.")
    max_slippage_percent = _limit("By how much a price may be worse than the leader's.")
    max_signal_age_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="How old a leader's trade may be."
    )

    class Meta:
        """Columns only."""

        abstract = True


class CopyLimits(LimitColumns):
    """What a new copy begins with."""

    class Meta:
        """Impossible limits are refused by the database as well."""

        abstract = True
        constraints = [models.CheckConstraint(name="%(app_label)s_%(class)s_possible", condition=_possible())]

    def clean(self) -> None:
        """Refuse limits that are impossible, or do not fit together."""
        super().clean()
        problems: dict[str, list[str]] = {}
        for problem in limits_problems({name: getattr(self, name) for name in LIMITS}):
            problems.setdefault(problem["path"], []).append(f"{problem['message'].capitalize()}.")
        if problems:
            raise ValidationError(problems)

    @property
    def said(self) -> dict[str, Figure]:
        """Return the limits that say something."""
        return {name: value for name in LIMITS if (value := getattr(self, name)) is not None}

    @property
    def said_in_digits(self) -> dict[str, int | str]:
        """Return the limits that say something: counts as numbers, amounts in their own digits."""
        return {name: value if isinstance(value, int) else plain_digits(value) for name, value in self.said.items()}


class Plan(CopyLimits):
    """What people may use. Its limits are what a copy begins with, and may be changed; its counts hold."""

    slug = models.SlugField(max_length=40, unique=True, help_text="How programs name it.")
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=0, help_text="Plans are listed by it, the lowest first.")
    is_default = models.BooleanField(default=False, help_text="The plan of everybody who has no other; one at most.")
    currency = models.CharField(
        max_length=16,
        blank=True,
        help_text="What its amounts of money are in, such as USDT: copies in other money do not begin with them.",
    )
    most_copies = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many copies may run at once, paused ones too; COPY_MOST_LEADERS holds beside it.",
    )
    writes_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Orders and other trades a minute, where that is more than ORDER_RATE_LIMIT_MAX. All requests "
        "together stay within API_RATE_LIMIT_MAX.",
    )
    is_demo = models.BooleanField(default=False, editable=False)

    class Meta(CopyLimits.Meta):
        """By position; one default at most, and no money without saying which."""

        ordering = ["position", "slug"]
        constraints = [
            *CopyLimits.Meta.constraints,
            models.UniqueConstraint(
                fields=["is_default"],
                name="billing_plan_one_default",
                condition=Q(is_default=True),
                violation_error_message="Another plan is the default: take that from it first.",
            ),
            models.CheckConstraint(
                name="billing_plan_money_has_currency",
                condition=~Q(currency="") | Q(**{f"{name}__isnull": True for name in MONEY}),
                violation_error_message="Say in which currency the amounts of money are.",
            ),
        ]

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    def clean(self) -> None:
        """Write the currency as exchanges do, and refuse what is wrong with the limits."""
        self.currency = self.currency.strip().upper()
        super().clean()


class Membership(models.Model):
    """Which plan somebody has. Who has no row has the default plan, if there is one."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="memberships")
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """The newest first."""

        ordering = ["-since", "-id"]

    def __str__(self) -> str:
        """Return who has what."""
        return f"{self.user.get_username()}: {self.plan}"

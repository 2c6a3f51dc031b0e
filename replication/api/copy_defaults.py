"""What new copies on an account begin with, and who says so. Another user's account is 404."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from drf_spectacular.utils import extend_schema
from msgspec import UNSET, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.billing.api.shapes import LimitsInfo
from copytrade.billing.limits import COUNTS, LIMITS, Figure
from copytrade.lib.api.responses import success
from copytrade.lib.wire import plain_digits
from orders.api.account_base import ONE, TAGS, AccountsView
from orders.api.answers import sent, shown
from orders.api.bodies import read_body
from orders.models import TradingAccount
from replication.api.copies_reading import LARGEST_AGE, OptionalAmount
from replication.defaults import said_by, settings_filled
from replication.selectors.defaults import copy_defaults_of, limits_asset
from replication.services.defaults import copy_defaults_set
from replication.terms import CopySettings


class CopyDefaultsChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Limits of new copies. What is left out stays as it is; null says nothing, so that the plan has the word."""

    max_order: OptionalAmount = UNSET
    max_symbol: OptionalAmount = UNSET
    max_exposure: OptionalAmount = UNSET
    max_positions: Annotated[int, msgspec.Meta(ge=1, le=32767)] | UnsetType | None = UNSET
    max_leverage: OptionalAmount = UNSET
    max_daily_loss: OptionalAmount = UNSET
    max_drawdown_percent: OptionalAmount = UNSET
    max_slippage_percent: OptionalAmount = UNSET
    max_signal_age_seconds: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_AGE)] | UnsetType | None = UNSET


class CopyDefaultsInfo(msgspec.Struct, kw_only=True):
    """What a new copy on an account begins with where nothing is given for it; amounts of money are in `asset`.

    `own` is what the account itself says. `begins_with` is what comes of that, the plan and the installation, and
    `said_by` names whose word each limit is.
    """

    account_id: int
    asset: Annotated[str, msgspec.Meta(examples=["USDT"])]
    own: LimitsInfo
    begins_with: LimitsInfo
    said_by: dict[str, Literal["account", "plan", "installation"]]


class CopyDefaultsAnswer(msgspec.Struct):
    """What new copies on an account begin with."""

    success: Literal[True]
    data: CopyDefaultsInfo


NOTHING: dict[str, Any] = dict.fromkeys(LIMITS)
EXAMPLE: dict[str, Any] = {
    "account_id": 7,
    "asset": "USDT",
    "own": {**NOTHING, "max_order": "250"},
    "begins_with": {
        **NOTHING,
        "max_order": "250",
        "max_daily_loss": "50",
        "max_slippage_percent": "1",
        "max_signal_age_seconds": 60,
    },
    "said_by": {
        "max_order": "account",
        "max_daily_loss": "plan",
        "max_slippage_percent": "installation",
        "max_signal_age_seconds": "installation",
    },
}


class CopyDefaultsView(AccountsView):
    """What new copies on an account begin with."""

    @extend_schema(
        operation_id="account_copy_defaults_get",
        summary="What copies on an account begin with",
        tags=TAGS,
        parameters=ONE,
        responses=CopyDefaultsAnswer,
        examples=[shown(EXAMPLE)],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Return the limits with which a new copy on this account begins, and whose word each of them is."""
        return success(copy_defaults_info(self.account(request, account_id)))

    @extend_schema(
        operation_id="account_copy_defaults_set",
        summary="Set what copies on an account begin with",
        tags=TAGS,
        parameters=ONE,
        request=CopyDefaultsChange,
        responses=CopyDefaultsAnswer,
        examples=[sent({"max_order": "250", "max_leverage": None}), shown(EXAMPLE)],
    )
    def patch(self, request: Request, account_id: int) -> Response:
        """Set limits of new copies on this account; those that run keep theirs. They are checked together."""
        account, body = self.account(request, account_id), read_body(request, CopyDefaultsChange)
        copy_defaults_set(account=account, limits=_given(body), actor=self.user(request))
        return success(copy_defaults_info(account))


def copy_defaults_info(account: TradingAccount) -> CopyDefaultsInfo:
    """Return what new copies on an account begin with."""
    sources = copy_defaults_of(user=account.user, venue=account.venue, account=account)
    who = said_by(sources)
    filled = settings_filled(CopySettings(), LIMITS, sources)
    return CopyDefaultsInfo(
        account_id=account.pk,
        asset=limits_asset(account.venue, account.equity_asset),
        own=_limits(sources[0].limits),
        begins_with=_limits({name: getattr(filled, name) for name in who}),
        said_by={name: who[name].value for name in LIMITS if name in who},
    )


def _limits(limits: Mapping[str, Figure]) -> LimitsInfo:
    shown = {name: value if isinstance(value, int) else plain_digits(value) for name, value in limits.items()}
    return msgspec.convert(shown, LimitsInfo)


def _given(body: CopyDefaultsChange) -> dict[str, Figure | None]:
    given = {name: value for name in LIMITS if (value := getattr(body, name)) is not UNSET}
    return {name: value if value is None or name in COUNTS else Decimal(value) for name, value in given.items()}

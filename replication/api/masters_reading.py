"""What requests about following say, and how a follower's settings are read from them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from drf_spectacular.utils import OpenApiParameter
from msgspec import UNSET, UnsetType

from copytrade.lib.errors import InvalidInput
from copytrade.lib.structs import Problems
from orders.api.reading import LARGEST_ID, SymbolText
from replication.api.copies_reading import LARGEST_AGE, Clock, left_open, read_settings
from replication.api.leaders import LeadId, Platform
from replication.api.orders_reading import NumberText, check_amounts, read_choice
from replication.selectors.masters import ORDERINGS
from replication.terms import AMOUNTS, MOST_SYMBOLS, MOST_TIERS, CopySettings
from replication.vocabulary import MinimumPolicy, Strategy

AGE = "max_signal_age_seconds"
LARGEST_COUNT = 10_000
StrategyWord = Literal[
    "FIXED_RATIO", "PERCENTAGE", "FIXED_QUANTITY", "FIXED_AMOUNT", "EQUITY_PROPORTIONAL", "MULTIPLIER_TIERS"
]
MasterId = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID, description="The leader's number, of any platform.")]
Symbols = Annotated[list[SymbolText], msgspec.Meta(max_length=MOST_SYMBOLS)]


class TierBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """Leader's orders worth `from` or more, in the quote asset, are multiplied by `multiplier`."""

    since: NumberText
    multiplier: NumberText


class HoursBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}):
    """When entries are copied: on these days (0 is Monday), between two times of the day in a time zone."""

    zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["Asia/Kolkata"])]
    days: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=6)]], msgspec.Meta(min_length=1, max_length=7)]
    since: Clock
    until: Clock


class FollowBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom to follow (by `master_id`, or by `platform` and `lead_id`), and how. Money is in the market's quote asset.

    A limit that is absent is the account's own default, else that of the plan, else of the installation; one that is
    null does not bind (`max_signal_age_seconds` always does). FIXED_RATIO without a `ratio` copies one to one. Without
    `account` (or `account_id`, as elsewhere) it is the paper account that suits the master best, opened where there is
    none: real money only follows where its account is named.
    """

    master_id: MasterId | None = None
    platform: Platform | None = None
    lead_id: LeadId | None = None
    copy_strategy: StrategyWord = "FIXED_RATIO"
    ratio: NumberText | None = None
    percentage: NumberText | None = None
    fixed_quantity: NumberText | None = None
    fixed_amount: NumberText | None = None
    tiers: Annotated[list[TierBody], msgspec.Meta(max_length=MOST_TIERS)] = []
    inverted: bool = False
    allocated: NumberText | None = None
    max_order: NumberText | UnsetType | None = UNSET
    max_symbol: NumberText | UnsetType | None = UNSET
    max_exposure: NumberText | UnsetType | None = UNSET
    max_positions: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_COUNT)] | UnsetType | None = UNSET
    max_leverage: NumberText | UnsetType | None = UNSET
    max_daily_loss: NumberText | UnsetType | None = UNSET
    max_drawdown_percent: NumberText | UnsetType | None = UNSET
    max_slippage_percent: NumberText | UnsetType | None = UNSET
    max_signal_age_seconds: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_AGE)] | UnsetType | None = UNSET
    allowed_symbols: Symbols = []
    denied_symbols: Symbols = []
    minimum_policy: Literal["skip", "accumulate"] = "skip"
    copy_open_positions: bool = False
    trading_hours: HoursBody | None = None
    account: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)] | None = None
    account_id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)] | None = None


class UnfollowBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom to follow no longer, named as in following.

    With `close` all that the copies hold is closed first; else it stays, one's own.
    """

    master_id: MasterId | None = None
    platform: Platform | None = None
    lead_id: LeadId | None = None
    close: bool = False


def account_of_body(body: FollowBody) -> int | None:
    """Return which account is named, by either name; two different ones are `InvalidInput`."""
    if body.account is not None and body.account_id not in {None, body.account}:
        raise InvalidInput([{"path": "account_id", "message": "is another account than `account`: name one"}])
    return body.account_id if body.account is None else body.account


def settings_of_body(body: FollowBody) -> CopySettings:
    """Return the settings of a copy; amounts that are no amounts are `InvalidInput`, `copy_start` checks the rest."""
    problems = Problems()
    check_amounts(dict(_amounts(body)), problems)
    check_amounts(dict(_tier_amounts(body)), problems)
    problems.refuse_if_any()
    settings = replace(
        read_settings(body, CopySettings()),
        strategy=Strategy(body.copy_strategy),
        max_signal_age_seconds=body.max_signal_age_seconds or CopySettings().max_signal_age_seconds,
        minimum_policy=MinimumPolicy(body.minimum_policy),
    )
    one_to_one = settings.strategy == Strategy.FIXED_RATIO and settings.ratio is None
    return replace(settings, ratio=Decimal(1)) if one_to_one else settings


def limits_left_open(body: FollowBody) -> frozenset[str]:
    """Return the limits that a body does not name; a trade is never of any age, so that null names none."""
    return left_open(body) | ({AGE} if body.max_signal_age_seconds is None else set())


ORDERING_PARAMETER = OpenApiParameter(
    "ordering", str, enum=list(ORDERINGS), default="followers", description="Best first by which figure."
)
LIVE_PARAMETER = OpenApiParameter(
    "is_active", str, enum=["true", "false"], description="Only copies that have not ended, or only those that have."
)


def read_ordering(query: Mapping[str, str]) -> str:
    """Read by which figure masters are ranked."""
    return read_choice(query, "ordering", list(ORDERINGS)) or "followers"


def read_live(query: Mapping[str, str]) -> bool | None:
    """Read whether copies that have ended are asked for; None for all."""
    word = read_choice(query, "is_active", ["true", "false"])
    return word == "true" if word else None


def _amounts(body: FollowBody) -> Iterator[tuple[str, Decimal | None]]:
    for name in AMOUNTS:
        if (value := getattr(body, name)) is not UNSET:
            yield name, value


def _tier_amounts(body: FollowBody) -> Iterator[tuple[str, Decimal | None]]:
    """A tier may begin at nothing."""
    for index, tier in enumerate(body.tiers):
        yield f"tiers[{index}].from", tier.since or None
        yield f"tiers[{index}].multiplier", tier.multiplier

"""What requests about copies say: bodies, and query parameters."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from drf_spectacular.utils import OpenApiParameter
from msgspec import UNSET, UnsetType

from copytrade.billing.limits import LIMITS
from copytrade.lib.errors import InvalidInput
from copytrade.lib.wire import plain_digits
from copytrade.lib.wording import pattern_told
from orders.api.reading import LARGEST_ID, SymbolText
from replication.api.leaders import LeadId, Platform, leader_named
from replication.selectors.copies import CopyFilter
from replication.selectors.decisions import DecisionFilter
from replication.terms import AMOUNTS, MOST_SYMBOLS, MOST_TIERS, CopySettings
from replication.vocabulary import CopyState, IntentState, MinimumPolicy, Strategy

Query = Mapping[str, str]
LARGEST_AGE = 2_592_000  # seconds of thirty days
# Python's `$` alone would let a line break pass at the end.
AMOUNT_PATTERN = r"[0-9]{1,15}(\.[0-9]{1,18})?$(?!\n)"
CODE_PATTERN = r"^[A-Za-z0-9_-]{1,40}$"
CLOCK_PATTERN = pattern_told(r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", "a time of the day such as 09:15")
ZONE_PATTERN = pattern_told(r"^[A-Za-z0-9_+/-]{1,64}$(?!\n)", "a time zone such as Asia/Kolkata")
_code = re.compile(CODE_PATTERN.removesuffix("$"))

POSITIVE = pattern_told("^" + AMOUNT_PATTERN, 'digits in a text, such as "250.5"')
SIGNED = pattern_told("^-?" + AMOUNT_PATTERN, 'digits in a text, such as "250" or "-100.5"')

GivenAmount = Annotated[str, msgspec.Meta(pattern=POSITIVE, examples=["250.5"])]
SignedAmount = Annotated[str, msgspec.Meta(pattern=SIGNED, examples=["250", "-100.5"])]
OptionalAmount = GivenAmount | UnsetType | None
Symbols = Annotated[list[SymbolText], msgspec.Meta(max_length=MOST_SYMBOLS)]
Clock = Annotated[str, msgspec.Meta(pattern=CLOCK_PATTERN, examples=["09:15"])]
Number = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]


class Tier(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """From which worth of the leader's order on it is multiplied by what."""

    since: GivenAmount = msgspec.field(name="from")
    multiplier: GivenAmount


class Hours(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When entries are copied: on these days (Monday is 0), from the first minute on and before the last."""

    zone: Annotated[str, msgspec.Meta(pattern=ZONE_PATTERN, examples=["Asia/Kolkata"])]
    days: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=6)]], msgspec.Meta(min_length=1, max_length=7)]
    since: Clock = msgspec.field(name="from")
    until: Clock = msgspec.field(name="to")


class CopyChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How a copy sizes and what limits it. What is left out stays as it is; null takes a limit away."""

    strategy: Strategy | UnsetType = UNSET
    ratio: OptionalAmount = UNSET
    percentage: OptionalAmount = UNSET
    fixed_quantity: OptionalAmount = UNSET
    fixed_amount: OptionalAmount = UNSET
    tiers: Annotated[list[Tier], msgspec.Meta(max_length=MOST_TIERS)] | UnsetType = UNSET
    inverted: bool | UnsetType = UNSET
    max_order: OptionalAmount = UNSET
    max_symbol: OptionalAmount = UNSET
    max_exposure: OptionalAmount = UNSET
    max_positions: Annotated[int, msgspec.Meta(ge=1, le=32767)] | UnsetType | None = UNSET
    max_leverage: OptionalAmount = UNSET
    max_daily_loss: OptionalAmount = UNSET
    max_drawdown_percent: OptionalAmount = UNSET
    max_slippage_percent: OptionalAmount = UNSET
    max_signal_age_seconds: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_AGE)] | UnsetType = UNSET
    allowed_symbols: Symbols | UnsetType = UNSET
    denied_symbols: Symbols | UnsetType = UNSET
    minimum_policy: MinimumPolicy | UnsetType = UNSET
    copy_open_positions: bool | UnsetType = UNSET
    trading_hours: Hours | UnsetType | None = UNSET


class NewCopy(CopyChange, kw_only=True, forbid_unknown_fields=True):
    """A copy to begin: of which leader, on which account (without: one that suits), with which funds of its own.

    The leader is named by `trader_id`, or by `platform` and `lead_id`.
    """

    trader_id: Number | None = None
    platform: Platform | None = None
    lead_id: LeadId | None = None
    account_id: Number | None = None
    allocated: OptionalAmount = UNSET


class PreviewCopy(NewCopy, kw_only=True, forbid_unknown_fields=True):
    """A copy to think through; `funds` instead of what is allocated, or what the account is worth."""

    funds: GivenAmount | None = None


class StopCopy(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether to close what is held first. Unless told so it is kept: the owner's to close."""

    close: bool = False


class FundsMove(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Funds to give to a copy, or with a minus sign to take from it."""

    amount: SignedAmount


STATE_PARAMETER = OpenApiParameter(
    "state", str, enum=[state.value for state in CopyState], description="Only copies that stand so."
)
TRADER_PARAMETER = OpenApiParameter(
    "trader", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}, description="Only of this leader."
)
DECISION_PARAMETER = OpenApiParameter(
    "state", str, enum=[state.value for state in IntentState], description="Only decisions that stand so."
)
CODE_PARAMETER = OpenApiParameter(
    "code", {"type": "string", "pattern": CODE_PATTERN}, description="Only those with this code, such as `SLIPPAGE`."
)


def leader_of_body(body: NewCopy) -> int:
    """Return the number of the leader that a body names; raises `InvalidInput` and `NotFound`."""
    return leader_named(number=body.trader_id, platform=body.platform, lead_id=body.lead_id, path="trader_id")


def left_open(body: msgspec.Struct) -> frozenset[str]:
    """Return the limits of a new copy that its body does not name; null names one, and takes it away."""
    return frozenset(name for name in LIMITS if getattr(body, name) is UNSET)


def read_settings(body: msgspec.Struct, before: CopySettings) -> CopySettings:
    """Return settings with what a body changes of them; whether they fit together is the services' to say.

    Settings that the body has no field for, or that are unset in it, stay as they are.
    """
    return replace(before, **read_changes(body))


def read_changes(body: msgspec.Struct) -> dict[str, Any]:
    """Return which fields of `CopySettings` a body sets, and to what."""
    given = {field.name: getattr(body, field.name, UNSET) for field in fields(CopySettings)}
    return {name: _value(name, value) for name, value in given.items() if value is not UNSET}


def read_copy_filter(query: Query) -> CopyFilter:
    """Read which copies are asked for."""
    return CopyFilter(
        state=read_word(query, "state", list(CopyState)),
        trader_id=read_number(query, "trader"),
        account_id=read_number(query, "account"),
    )


def read_decision_filter(query: Query, *, symbol: str, copy_id: int | None = None) -> DecisionFilter:
    """Read which decisions are asked for; `symbol` was read before."""
    code = query.get("code", "")
    if "code" in query and not _code.fullmatch(code):
        raise InvalidInput([{"path": "code", "message": "is not a code"}])
    return DecisionFilter(
        state=read_word(query, "state", list(IntentState)),
        code=code,
        symbol=symbol,
        trader_id=None if copy_id is not None else read_number(query, "trader"),
        copy_id=copy_id,
    )


def read_word(query: Query, name: str, words: list[Any]) -> str:
    """Read a parameter that is one of these words, empty where it is absent."""
    text = query.get(name)
    if text is None:
        return ""
    if text not in words:
        raise InvalidInput([{"path": name, "message": f"write one of {', '.join(words)}"}])
    return text


def read_number(query: Query, name: str) -> int | None:
    """Read the number of an object, None where it is absent."""
    text = query.get(name)
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 1 <= number <= LARGEST_ID:
        raise InvalidInput([{"path": name, "message": "write a number from 1 on"}])
    return number


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in AMOUNTS:
        return Decimal(value)
    match name:
        case "allowed_symbols" | "denied_symbols":
            return tuple(dict.fromkeys(symbol.upper() for symbol in value))
        case "tiers":
            return tuple({"from": _digits(tier.since), "multiplier": _digits(tier.multiplier)} for tier in value)
        case "trading_hours":
            return {"zone": value.zone, "days": sorted(set(value.days)), "from": value.since, "to": value.until}
        case _:
            return value


def _digits(amount: str | Decimal) -> str:
    return amount if isinstance(amount, str) else plain_digits(amount)

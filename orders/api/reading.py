"""What requests say: the structs of their bodies, and their query parameters."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from drf_spectacular.utils import OpenApiParameter
from msgspec import UNSET, UnsetType

from copytrade.lib.errors import InvalidInput
from copytrade.lib.wording import pattern_told
from orders.api.shapes import HaltModeWord, KindWord, ModeWord, ScopeWord
from orders.services.accounts import AccountChanges

LARGEST_ID = 2**63 - 1
# Python's `$` alone would let a line break pass at the end.
PAPER_BALANCE_PATTERN = pattern_told(
    r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?$(?!\n)", 'digits in a text, such as "10000.5"'
)
SYMBOL_PATTERN = pattern_told(r"^[^\s\x00-\x1f\x7f]{1,64}$(?!\n)", "a symbol such as BTCUSDT, without blanks")
LINE_PATTERN = pattern_told(r"^[^\x00-\x1f\x7f]*$(?!\n)", "a single line")
_symbol = re.compile(SYMBOL_PATTERN)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, examples=["Main account"])]
Venue = Annotated[str, msgspec.Meta(min_length=1, max_length=32, examples=["binanceusdm"])]
SymbolText = Annotated[str, msgspec.Meta(pattern=SYMBOL_PATTERN, examples=["BTCUSDT"])]
PaperBalance = Annotated[str, msgspec.Meta(pattern=PAPER_BALANCE_PATTERN, examples=["10000"])]
Worth = Annotated[str, msgspec.Meta(pattern=PAPER_BALANCE_PATTERN, examples=["5000"])]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=8192, extra_json_schema={"format": "password"})]
Reason = Annotated[str, msgspec.Meta(max_length=300, pattern=LINE_PATTERN, examples=["Exchange maintenance"])]


class NewAccount(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account to open. A paper one begins with `paper_balance` of the venue's asset (10,000 USDT or 1 BTC)."""

    name: Name
    venue: Venue
    mode: ModeWord = "paper"
    paper_balance: PaperBalance | None = None


class AccountChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of an account; what is left out stays, and null takes the limit away."""

    name: Name | UnsetType = UNSET
    max_worth: Worth | UnsetType | None = UNSET


class NewCredentials(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A venue's key. It is stored encrypted and never shown again."""

    key: Secret
    secret: Secret
    passphrase: Annotated[str, msgspec.Meta(max_length=1024, extra_json_schema={"format": "password"})] = ""


class LiveSwitch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The account's own switch for live trading."""

    enabled: bool


class LeverageChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The leverage of one contract; `market_type` only where the venue has the symbol in several."""

    symbol: SymbolText
    leverage: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    market_type: KindWord | None = None


class AccountHalt(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How an owner stops an account; `reduce_only` lets exits through."""

    mode: HaltModeWord = "reduce_only"
    reason: Reason = "Halted by its owner"


class NewHalt(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A stop: of everything, of a venue, or of an account."""

    scope: ScopeWord
    reason: Annotated[Reason, msgspec.Meta(min_length=1)]
    mode: HaltModeWord = "reduce_only"
    venue: Annotated[str, msgspec.Meta(max_length=32)] = ""
    account_id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)] | None = None


ACCOUNT_PARAMETER = OpenApiParameter(
    "account",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
    description="Only this account of yours.",
)
SYMBOL_PARAMETER = OpenApiParameter(
    "symbol", {"type": "string", "pattern": SYMBOL_PATTERN}, description="Only this symbol, as the venue writes it."
)
OPEN_PARAMETER = OpenApiParameter("open", str, enum=["true", "false"], description="Only open ones, or only closed.")
CANCEL_PARAMETER = OpenApiParameter(
    "cancel_orders",
    str,
    enum=["true", "false"],
    default="false",
    description="First cancel the account's open orders that trade against the position.",
)
ACTIVE_PARAMETER = OpenApiParameter(
    "active", str, enum=["true", "false"], description="Only halts that hold, or only lifted ones."
)


def read_account(query: Mapping[str, str]) -> int | None:
    """Read `account`, a whole number; None where it is absent."""
    text = query.get("account")
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 1 <= number <= LARGEST_ID:
        raise InvalidInput([{"path": "account", "message": "write the number of an account"}])
    return number


def read_symbol(query: Mapping[str, str]) -> str:
    """Read the filter `symbol`, empty where it is absent."""
    text = query.get("symbol")
    if text is None:
        return ""
    if not _symbol.fullmatch(text):
        raise InvalidInput([{"path": "symbol", "message": "is not a symbol"}])
    return text.upper()


def read_flag(query: Mapping[str, str], name: Literal["open", "active", "cancel_orders"]) -> bool | None:
    """Read a word that is `true` or `false`, None where it is absent."""
    text = query.get(name)
    if text not in {None, "true", "false"}:
        raise InvalidInput([{"path": name, "message": "write true or false"}])
    return None if text is None else text == "true"


def account_changes(body: AccountChange) -> AccountChanges:
    """Return what a body changes of an account."""
    changes = AccountChanges()
    if body.name is not UNSET:
        changes["name"] = body.name
    if body.max_worth is not UNSET:
        changes["max_worth"] = None if body.max_worth is None else Decimal(body.max_worth)
    return changes


def paper_balance(body: NewAccount) -> Decimal | None:
    """Return what a paper account begins with, None for the usual."""
    return None if body.paper_balance is None else Decimal(body.paper_balance)

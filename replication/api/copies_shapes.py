"""Copies and what they hold as they stand on the wire: amounts as texts, UTC with milliseconds."""

from typing import Annotated, Literal

import msgspec

from orders.api.shapes import Amount, KindWord, ModeWord, Slug, Symbol, Time
from replication.vocabulary import MinimumPolicy, Strategy
from traders.api.serializers import PageMeta

CopyStateWord = Literal["active", "paused", "stopping", "ended"]
PositionSideWord = Literal["LONG", "SHORT"]


class TierInfo(msgspec.Struct, kw_only=True):
    """From which worth of the leader's order on it is multiplied by what."""

    since: Amount = msgspec.field(name="from")
    multiplier: Amount


class HoursInfo(msgspec.Struct, kw_only=True):
    """When entries are copied; Monday is 0. Hours that end before they begin reach over midnight."""

    zone: Annotated[str, msgspec.Meta(examples=["Asia/Kolkata"])]
    days: list[int]
    since: Annotated[str, msgspec.Meta(examples=["09:15"])] = msgspec.field(name="from")
    until: Annotated[str, msgspec.Meta(examples=["15:30"])] = msgspec.field(name="to")


class CopySettingsInfo(msgspec.Struct, kw_only=True):
    """How a copy sizes and what limits it; limits that are null do not bind. Money is in the account's asset."""

    strategy: Strategy
    ratio: Amount | None
    percentage: Amount | None
    fixed_quantity: Amount | None
    fixed_amount: Amount | None
    tiers: list[TierInfo]
    inverted: bool
    allocated: Amount | None
    max_order: Amount | None
    max_symbol: Amount | None
    max_exposure: Amount | None
    max_positions: int | None
    max_leverage: Amount | None
    max_daily_loss: Amount | None
    max_drawdown_percent: Amount | None
    max_slippage_percent: Amount | None
    max_signal_age_seconds: int
    allowed_symbols: list[Symbol]
    denied_symbols: list[Symbol]
    minimum_policy: MinimumPolicy
    copy_open_positions: bool
    trading_hours: HoursInfo | None


class CopyResultsInfo(msgspec.Struct, kw_only=True):
    """What a copy is worth in `asset`, its account's: `base` with all that was realised, less fees, and what is open.

    `unrealized_pnl`, `value` and `drawdown_percent` are null while something open has no fresh price. `lost_today` is
    of this UTC day, after fees; negative is a gain.
    """

    asset: Annotated[str, msgspec.Meta(examples=["USDT"])] | None
    base: Amount | None
    realized_pnl: Amount
    fees: Amount
    unrealized_pnl: Amount | None
    value: Amount | None
    peak: Amount | None
    drawdown_percent: Amount | None
    lost_today: Amount
    open_positions: int


class CopyInfo(msgspec.Struct, kw_only=True):
    """One account that copies one leader. A paused copy follows exits only; one that is stopping closes what it has."""

    id: int
    trader_id: int
    trader: str
    platform: str
    account_id: int
    account_name: str
    venue: Slug
    mode: ModeWord
    state: CopyStateWord
    state_reason: str | None
    settings: CopySettingsInfo
    results: CopyResultsInfo
    started_at: Time
    ended_at: Time | None
    updated_at: Time


class CopyPositionInfo(msgspec.Struct, kw_only=True):
    """What a copy holds, or held, of one market. Results are before `fees`, in `settle_asset`.

    `other_fees` are those paid in other assets, which no sum of the copy holds.

    `quantity` is signed and in the venue's unit. `remainder` is what was too small to order: positive is still to be
    opened, negative still to be closed. What needs a price is null where no fresh one is known.
    """

    id: int
    copy_id: int
    venue: Slug
    symbol: Symbol
    market_type: KindWord
    side: PositionSideWord
    leader_symbol: Symbol
    leader_side: PositionSideWord
    open: bool
    quantity: Amount
    remainder: Amount
    entry_price: Amount | None
    price: Amount | None
    priced_at: Time | None
    unrealized_pnl: Amount | None
    realized_pnl: Amount
    fees: Amount
    other_fees: dict[str, Amount]
    settle_asset: str
    opened_at: Time | None
    updated_at: Time


class CopyAnswer(msgspec.Struct):
    """A copy."""

    success: Literal[True]
    data: CopyInfo


class CopiesAnswer(msgspec.Struct):
    """Copies, newest first."""

    success: Literal[True]
    data: list[CopyInfo]
    meta: PageMeta


class StoppedCopiesAnswer(msgspec.Struct):
    """The copies that were told to stop."""

    success: Literal[True]
    data: list[CopyInfo]


class CopyPositionAnswer(msgspec.Struct):
    """A position of a copy."""

    success: Literal[True]
    data: CopyPositionInfo


class CopyPositionsAnswer(msgspec.Struct):
    """Positions of a copy, those that moved last first."""

    success: Literal[True]
    data: list[CopyPositionInfo]
    meta: PageMeta

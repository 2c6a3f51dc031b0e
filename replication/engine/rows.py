"""A copy with its account, as it is read for planning."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class CopyRow(NamedTuple):
    """The columns of `load_statement`. The position is the one that follows the leader's, where there is one."""

    copy_id: int
    account_id: int
    user_id: int
    venue: str
    mode: str
    account_state: str
    account_reason: str
    live_enabled: bool
    hedge_mode: bool
    equity_asset: str
    funds: Decimal | None
    account_max_worth: Decimal | None
    leverage: Decimal | None
    state: str
    strategy: str
    started_at: datetime
    resumed_at: datetime | None
    ratio: Decimal | None
    percentage: Decimal | None
    fixed_quantity: Decimal | None
    fixed_amount: Decimal | None
    tiers: str
    inverted: bool
    max_order: Decimal | None
    max_symbol: Decimal | None
    max_exposure: Decimal | None
    max_positions: int | None
    max_leverage: Decimal | None
    max_daily_loss: Decimal | None
    max_slippage_percent: Decimal | None
    max_signal_age_seconds: int
    allowed_symbols: list[str]
    denied_symbols: list[str]
    minimum_policy: str
    trading_hours: str
    market_id: int | None
    held_side: str | None
    held: Decimal
    remainder: Decimal
    leader_opened_at: datetime | None
    lost_today: Decimal
    taken_by: str
    open_positions: int
    symbol_worth: Decimal
    copy_worth: Decimal
    account_worth: Decimal
    opposite_leader: str
    earlier_order_open: bool
    entering: bool
    closable: Decimal
    others_under_way: bool
    others_leaving: Decimal
    unbooked: bool
    order_worth: Decimal
    order_carried: Decimal

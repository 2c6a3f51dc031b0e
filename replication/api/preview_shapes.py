"""What a copy would have done, as it stands on the wire."""

from typing import Any, Literal

import msgspec

from orders.api.shapes import Amount, Slug, Symbol, Time
from replication.vocabulary import Action


class PreviewedTrade(msgspec.Struct, kw_only=True):
    """A trade of the leader and what the copy would have decided. `realized_pnl` is at the leader's prices, no fees.

    `worth` and the limits that cut by worth are in `asset`, the quote asset of the copy's market; `realized_pnl` is in
    the one that the market settles in.

    `leader_quantity` is in coins; `quantity`, `wanted_quantity` and the cuts are in the unit of the copy's market.
    """

    time: Time
    action: Action
    leader_symbol: Symbol
    leader_side: Literal["LONG", "SHORT"]
    leader_quantity: Amount
    leader_price: Amount | None
    fraction: Amount | None
    symbol: Symbol | None
    side: Literal["LONG", "SHORT"]
    state: Literal["planned", "skipped"]
    code: str | None
    message: str | None
    numbers: dict[str, Any]
    capped: list[dict[str, Any]]
    wanted_quantity: Amount | None
    quantity: Amount
    worth: Amount
    asset: str | None
    realized_pnl: Amount


class PreviewResult(msgspec.Struct, kw_only=True):
    """The result in one asset, before fees: what was realised, and what is open at the leader's last prices."""

    asset: str
    realized_pnl: Amount
    unrealized_pnl: Amount
    total_pnl: Amount


class PreviewInfo(msgspec.Struct, kw_only=True):
    """The leader's last trades at a copy, oldest first. `account_id` is null where following would open one."""

    trader_id: int
    venue: Slug
    account_id: int | None
    funds: Amount | None
    trades: list[PreviewedTrade]
    count: int
    copied: int
    capped: int
    skipped: int
    skipped_by_code: dict[str, int]
    results: list[PreviewResult]


class PreviewAnswer(msgspec.Struct):
    """What a copy would have done."""

    success: Literal[True]
    data: PreviewInfo

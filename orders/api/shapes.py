"""The shapes of accounts, positions and halts on the wire: snake_case, amounts as texts, UTC with milliseconds."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from copytrade.lib.wire import iso_time, iso_time_or_none, plain_digits
from markets.venues.registry import venues
from orders.models import Balance, Credential, Order, TradingAccount, TradingHalt
from orders.selectors.accounts import AccountView
from orders.selectors.positions import AssetTotals, PositionView

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, examples=["2026-02-05T00:05:00.000Z"])]
Amount = Annotated[str, msgspec.Meta(pattern=r"^-?\d+(\.\d+)?$", examples=["862.324"])]
Slug = Annotated[str, msgspec.Meta(examples=["binanceusdm"])]
Symbol = Annotated[str, msgspec.Meta(examples=["BTCUSDT"])]
ModeWord = Literal["paper", "live"]
StateWord = Literal["active", "paused", "auth_failed", "closed"]
HaltModeWord = Literal["all", "reduce_only"]
ScopeWord = Literal["global", "venue", "account"]
KindWord = Literal["spot", "usd_m", "coin_m", "equity"]
OrderStateWord = Literal[
    "PENDING",
    "SENDING",
    "UNKNOWN",
    "NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELED",
    "EXPIRED",
    "REJECTED",
    "FAILED",
]


class Stop(msgspec.Struct, kw_only=True):
    """Why new orders are not sent: a code for programs, a sentence for people."""

    code: Annotated[str, msgspec.Meta(examples=["LIVE_TRADING_OFF", "ACCOUNT_PAUSED", "TRADING_HALTED"])]
    message: str


class KeyInfo(msgspec.Struct, kw_only=True):
    """What may be known of a stored venue key: the end of its public part, and whether it may trade."""

    hint: Annotated[str, msgspec.Meta(examples=["…8xQ2"])]
    can_trade: bool
    checked_at: Time | None


class AccountInfo(msgspec.Struct, kw_only=True):
    """An account at a venue. `stopped` says why it would send no new order now; null means that it would.

    `equity` is in `equity_asset`, null where the venue has no single figure; `synced_at` is how old such figures are.
    `max_worth`: no copy opens anything that lets all positions of the account be worth more; null sets no limit.
    """

    id: int
    name: str
    venue: Slug
    venue_name: str
    mode: ModeWord
    state: StateWord
    state_reason: str | None
    live_enabled: bool
    stopped: Stop | None
    hedge_mode: bool
    max_worth: Amount | None
    equity: Amount | None
    equity_asset: str | None
    synced_at: Time | None
    sync_error: str | None
    credentials: KeyInfo | None
    created_at: Time


class BalanceInfo(msgspec.Struct, kw_only=True):
    """What an account has of one asset, as its venue said at `updated_at`."""

    asset: Annotated[str, msgspec.Meta(examples=["USDT"])]
    total: Amount
    free: Amount
    updated_at: Time


class PositionInfo(msgspec.Struct, kw_only=True):
    """What an account holds, or held, in one market. Money is in `settle_asset`; results are before `fees`.

    `other_fees` are those paid in other assets, which no sum here holds.

    `quantity` is signed and in the venue's unit. `price` is the newest that is known, `priced_at` its moment; `stale`
    says that it is too old to rely on, or missing (then `value` and `unrealized_pnl` are null).
    """

    id: int
    account_id: int
    account_name: str
    venue: Slug
    symbol: Symbol
    market_type: KindWord
    side: Literal["LONG", "SHORT", "FLAT"]
    position_side: Literal["BOTH", "LONG", "SHORT"]
    open: bool
    quantity: Amount
    entry_price: Amount | None
    price: Amount | None
    priced_at: Time | None
    stale: bool
    value: Amount | None
    unrealized_pnl: Amount | None
    realized_pnl: Amount
    fees: Amount
    other_fees: dict[str, Amount]
    settle_asset: str
    leverage: Amount | None
    liquidation_price: Amount | None
    venue_quantity: Amount | None
    opened_at: Time | None
    updated_at: Time


class AssetSummary(msgspec.Struct, kw_only=True):
    """Totals over the positions that settle in one asset. With `unpriced` ones, sums lack what those are worth."""

    asset: Annotated[str, msgspec.Meta(examples=["USDT"])]
    open_positions: int
    unpriced: int
    exposure: Amount
    unrealized_pnl: Amount
    realized_pnl: Amount
    fees: Amount
    stale: bool


class PositionSummary(msgspec.Struct, kw_only=True):
    """Totals over all positions, by settlement asset; `stale` where any price behind them is."""

    open_positions: int
    assets: list[AssetSummary]
    stale: bool


class ClosingOrder(msgspec.Struct, kw_only=True):
    """The order that closes a position, as far as it is."""

    order_id: int
    client_order_id: str
    account_id: int
    symbol: Symbol
    side: Literal["BUY", "SELL"]
    quantity: Amount
    state: OrderStateWord
    filled_quantity: Amount
    average_price: Amount | None
    reason: str | None
    created_at: Time


class HaltInfo(msgspec.Struct, kw_only=True):
    """A stop of trading; `lifted_at` is null while it holds."""

    id: int
    scope: ScopeWord
    venue: str | None
    account_id: int | None
    mode: HaltModeWord
    reason: str
    created_by: str | None
    created_at: Time
    lifted_at: Time | None


def amount_or_none(value: Decimal | None) -> str | None:
    """Return the digits of an amount, null for none."""
    return None if value is None else plain_digits(value)


def account_info(view: AccountView) -> AccountInfo:
    """Return the shape of an account."""
    account = view.account
    known = venues().get(account.venue)
    return AccountInfo(
        id=account.pk,
        name=account.name,
        venue=account.venue,
        venue_name=known.name if known else account.venue,
        mode=account.mode,  # type: ignore[arg-type]  # one of Mode's values
        state=account.state,  # type: ignore[arg-type]  # one of AccountState's values
        state_reason=account.state_reason or None,
        live_enabled=account.live_enabled,
        stopped=Stop(code=view.stopped.code, message=view.stopped.message) if view.stopped else None,
        hedge_mode=account.hedge_mode,
        max_worth=amount_or_none(account.max_worth),
        equity=amount_or_none(account.equity),
        equity_asset=account.equity_asset or None,
        synced_at=iso_time_or_none(account.synced_at),
        sync_error=account.sync_error or None,
        credentials=key_info(credential_of(account)),
        created_at=iso_time(account.created_at),
    )


def credential_of(account: TradingAccount) -> Credential | None:
    """Return the row of an account's key, None where it has none."""
    return getattr(account, "credential", None)


def key_info(credential: Credential | None) -> KeyInfo | None:
    """Return what may be shown of a key."""
    if credential is None:
        return None
    return KeyInfo(
        hint=str(credential), can_trade=credential.can_trade, checked_at=iso_time_or_none(credential.checked_at)
    )


def balance_info(balance: Balance) -> BalanceInfo:
    """Return the shape of a balance."""
    return BalanceInfo(
        asset=balance.asset,
        total=plain_digits(balance.total),
        free=plain_digits(balance.free),
        updated_at=iso_time(balance.updated_at),
    )


def position_info(view: PositionView) -> PositionInfo:
    """Return the shape of a position."""
    holding = view.holding
    return PositionInfo(
        id=holding.pk,
        account_id=holding.account_id,
        account_name=holding.account.name,
        venue=holding.market.venue,
        symbol=holding.market.symbol,
        market_type=holding.market.kind,  # type: ignore[arg-type]  # one of MarketKind's values
        side="LONG" if holding.quantity > 0 else "SHORT" if holding.quantity < 0 else "FLAT",
        position_side=holding.side,  # type: ignore[arg-type]  # one of PositionSide's values
        open=bool(holding.quantity),
        quantity=plain_digits(holding.quantity),
        entry_price=amount_or_none(view.entry_price),
        price=amount_or_none(view.price),
        priced_at=iso_time_or_none(view.priced_at),
        stale=view.stale,
        value=amount_or_none(view.value),
        unrealized_pnl=amount_or_none(view.unrealized_pnl),
        realized_pnl=plain_digits(holding.realized_pnl),
        fees=plain_digits(holding.fees),
        other_fees=fees_by_asset(holding.other_fees),
        settle_asset=view.asset,
        leverage=amount_or_none(holding.leverage),
        liquidation_price=amount_or_none(holding.liquidation_price),
        venue_quantity=amount_or_none(holding.venue_quantity),
        opened_at=iso_time_or_none(holding.opened_at),
        updated_at=iso_time(holding.updated_at),
    )


def fees_by_asset(stored: Mapping[str, str]) -> dict[str, str]:
    """Return fees that were paid in other assets, as positions keep them, in plain digits."""
    return {asset: plain_digits(Decimal(amount)) for asset, amount in stored.items()}


def asset_summary(totals: AssetTotals) -> AssetSummary:
    """Return the shape of the totals of one asset."""
    return AssetSummary(
        asset=totals.asset,
        open_positions=totals.open_positions,
        unpriced=totals.unpriced,
        exposure=plain_digits(totals.exposure),
        unrealized_pnl=plain_digits(totals.unrealized_pnl),
        realized_pnl=plain_digits(totals.realized_pnl),
        fees=plain_digits(totals.fees),
        stale=totals.stale,
    )


def closing_order(order: Order) -> ClosingOrder:
    """Return the shape of an order that closes a position."""
    return ClosingOrder(
        order_id=order.pk,
        client_order_id=order.client_order_id,
        account_id=order.account_id,
        symbol=order.market.symbol,
        side=order.side,  # type: ignore[arg-type]  # one of Side's values
        quantity=plain_digits(order.quantity or Decimal(0)),
        state=order.state,  # type: ignore[arg-type]  # one of OrderState's values
        filled_quantity=plain_digits(order.filled_quantity),
        average_price=amount_or_none(order.average_price),
        reason=order.reason or None,
        created_at=iso_time(order.created_at),
    )


def halt_info(halt: TradingHalt) -> HaltInfo:
    """Return the shape of a halt."""
    return HaltInfo(
        id=halt.pk,
        scope=halt.scope,  # type: ignore[arg-type]  # one of HaltScope's values
        venue=halt.venue or None,
        account_id=halt.account_id,
        mode=halt.mode,  # type: ignore[arg-type]  # one of HaltMode's values
        reason=halt.reason,
        created_by=halt.created_by.get_username() if halt.created_by else None,
        created_at=iso_time(halt.created_at),
        lifted_at=iso_time_or_none(halt.lifted_at),
    )

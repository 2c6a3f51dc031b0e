"""Binance's words on accounts as ours (pure). Source: the account pages of the three APIs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from markets.venues.base import AccountReport, BalanceReport, PositionReport
from markets.venues.binance.numbers import ZERO, amount, optional, positive
from markets.venues.vocabulary import MarketKind, PositionSide

Reply = Mapping[str, Any]
USD_M_ASSET = "USDT"
WHOLE = Decimal(1)


def read_spot_account(reply: Reply, now: datetime) -> AccountReport:
    """Return the balances; what many assets are worth together is not said."""
    rows = [(str(row["asset"]), amount(row["free"]), amount(row["locked"])) for row in reply["balances"]]
    balances = tuple(BalanceReport(asset, free + locked, free) for asset, free, locked in rows if free or locked)
    return AccountReport(time=now, balances=balances, positions=())


def read_futures_account(
    reply: Reply, positions: Sequence[Reply], kind: MarketKind, *, hedge_mode: bool, now: datetime
) -> AccountReport:
    """Return balances and open positions; `positions` is the answer of positionRisk."""
    equity, asset = _equity(reply, kind)
    return AccountReport(
        time=now,
        balances=tuple(
            BalanceReport(str(row["asset"]), amount(row["walletBalance"]), amount(row["availableBalance"]))
            for row in reply["assets"]
            if amount(row["walletBalance"])
        ),
        positions=tuple(_position(row, kind) for row in positions if amount(row["positionAmt"])),
        hedge_mode=hedge_mode,
        equity=equity,
        equity_asset=asset,
    )


def _equity(reply: Reply, kind: MarketKind) -> tuple[Decimal | None, str]:
    """Return what all is worth: USD-M says it, on COIN-M there is one figure only where there is one coin."""
    if kind is MarketKind.USD_M:
        return amount(reply["totalMarginBalance"]), USD_M_ASSET
    held = [row for row in reply["assets"] if amount(row["marginBalance"])]
    if len(held) != 1:
        return None, ""
    return amount(held[0]["marginBalance"]), str(held[0]["asset"])


def _position(row: Reply, kind: MarketKind) -> PositionReport:
    return PositionReport(
        symbol=str(row["symbol"]),
        kind=kind,
        position_side=PositionSide(row["positionSide"]),
        quantity=_signed(row),
        entry_price=amount(row["entryPrice"]),
        mark_price=positive(row, "markPrice"),
        unrealized_pnl=optional(row, "unRealizedProfit"),
        leverage=_leverage(row),
        liquidation_price=positive(row, "liquidationPrice"),
        margin_asset=str(row.get("marginAsset", "")),
    )


def _signed(row: Reply) -> Decimal:
    quantity = amount(row["positionAmt"])
    return -abs(quantity) if row["positionSide"] == PositionSide.SHORT else quantity


def _leverage(row: Reply) -> Decimal | None:
    """Return the leverage; version 3 leaves it out, and says notional and margin, whose ratio it is."""
    if stated := positive(row, "leverage"):
        return stated
    notional, margin = optional(row, "notional"), positive(row, "positionInitialMargin")
    if notional is None or margin is None or notional == ZERO:
        return None
    return (abs(notional) / margin).quantize(WHOLE, ROUND_HALF_EVEN)

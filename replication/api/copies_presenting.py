"""Copies and what they hold into the shapes in which they stand on the wire."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from copytrade.lib.wire import iso_time, iso_time_or_none, plain_digits
from orders.api.shapes import amount_or_none, fees_by_asset
from orders.services.booking import terms_of
from replication.api.copies_shapes import (
    CopyInfo,
    CopyPositionInfo,
    CopyResultsInfo,
    CopySettingsInfo,
    HoursInfo,
    TierInfo,
)
from replication.models import Copy
from replication.selectors.copies import CopyResults
from replication.selectors.values import PositionValue, money_asset
from replication.services.copies import settings_of
from replication.terms import AMOUNTS, CopySettings


def copy_info(results: CopyResults) -> CopyInfo:
    """Return the shape of a copy with its results."""
    copy = results.copy
    return CopyInfo(
        id=copy.pk,
        trader_id=copy.trader_id,
        trader=str(copy.trader),
        platform=copy.trader.platform,
        account_id=copy.account_id,
        account_name=copy.account.name,
        venue=copy.account.venue,
        mode=copy.account.mode,  # type: ignore[arg-type]  # one of Mode's values
        state=copy.state,  # type: ignore[arg-type]  # one of CopyState's values
        state_reason=copy.state_reason or None,
        settings=settings_info(copy),
        results=_results(results),
        started_at=iso_time(copy.started_at),
        ended_at=iso_time_or_none(copy.ended_at),
        updated_at=iso_time(copy.updated_at),
    )


def settings_info(copy: Copy) -> CopySettingsInfo:
    """Return the shape of how a copy is set."""
    settings = settings_of(copy)
    values: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(CopySettings)}
    values |= {name: amount_or_none(values[name]) for name in AMOUNTS}
    values |= {name: list(values[name]) for name in ("allowed_symbols", "denied_symbols")}
    values["tiers"] = [TierInfo(since=tier["from"], multiplier=tier["multiplier"]) for tier in settings.tiers]
    values["trading_hours"] = _hours(settings.trading_hours) if settings.trading_hours else None
    return CopySettingsInfo(**values)


def position_info(value: PositionValue) -> CopyPositionInfo:
    """Return the shape of a position of a copy."""
    position = value.position
    market = position.market
    return CopyPositionInfo(
        id=position.pk,
        copy_id=position.copy_id,
        venue=market.venue,
        symbol=market.symbol,
        market_type=market.kind,  # type: ignore[arg-type]  # one of MarketKind's values
        side=position.side,  # type: ignore[arg-type]  # one of PositionWord's values
        leader_symbol=position.leader_symbol,
        leader_side=position.leader_side,  # type: ignore[arg-type]  # one of PositionWord's values
        open=position.is_open,
        quantity=plain_digits(position.quantity),
        remainder=plain_digits(position.remainder),
        entry_price=amount_or_none(value.entry_price),
        price=amount_or_none(value.price),
        priced_at=iso_time_or_none(value.priced_at),
        unrealized_pnl=amount_or_none(value.unrealized_pnl),
        realized_pnl=plain_digits(position.realized_pnl),
        fees=plain_digits(position.fees),
        other_fees=fees_by_asset(position.other_fees),
        settle_asset=terms_of(market).settlement_asset,
        opened_at=iso_time_or_none(position.opened_at),
        updated_at=iso_time(position.updated_at),
    )


def _results(results: CopyResults) -> CopyResultsInfo:
    value, account = results.value, results.copy.account
    return CopyResultsInfo(
        asset=money_asset(account.venue, account.equity_asset) or None,
        base=amount_or_none(value.base),
        realized_pnl=plain_digits(value.realized_pnl),
        fees=plain_digits(value.fees),
        unrealized_pnl=amount_or_none(value.unrealized_pnl),
        value=amount_or_none(value.value),
        peak=amount_or_none(results.peak),
        drawdown_percent=amount_or_none(results.drawdown_percent),
        lost_today=plain_digits(results.lost_today),
        open_positions=value.open_positions,
    )


def _hours(hours: Mapping[str, Any]) -> HoursInfo:
    return HoursInfo(zone=hours["zone"], days=hours["days"], since=hours["from"], until=hours["to"])

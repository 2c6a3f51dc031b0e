"""What listeners are told about leaders; the shapes are those of the HTTP reads."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from copytrade.lib.wire import iso_time, iso_time_or_none, json_number
from copytrade.realtime.messages import Message
from traders.fills import NewFill
from traders.positions import HeldPosition, PositionPlan
from traders.scoring import Result
from traders.services.aggregates import SymbolTotal
from traders.services.leaders import LockedLeader
from traders.stream_names import ALL, symbol_stream, trader_stream

EVENTS = {
    "opened": "position:opened",
    "updated": "position:updated",
    "moved": "position:updated",
    "closed": "position:closed",
}


def fill_messages(leader: LockedLeader, fills: Iterable[NewFill]) -> list[Message]:
    """Return `trade:new` for each fill."""
    return [
        Message(
            "trade:new",
            {
                **_who(leader),
                "eventType": fill.kind,
                "symbol": fill.symbol,
                "price": json_number(fill.price),
                "amount": json_number(fill.amount),
                "amountAsset": fill.amount_asset or None,
                "realizedPnl": json_number(fill.realized_pnl),
                "eventTime": iso_time(fill.event_time),
                "eventTimeText": fill.event_time_text,
                "eventKey": fill.event_key,
            },
            _streams(leader, fill.symbol),
        )
        for fill in fills
    ]


def position_messages(
    leader: LockedLeader, plan: PositionPlan, *, fetched_at: datetime, now: datetime
) -> list[Message]:
    """Return `position:opened|updated|closed`, and `trader:positionDetected` beside each opened one."""
    messages = []
    for position in plan.positions:
        data, streams = _position(leader, position, fetched_at), _streams(leader, position.symbol)
        price_only = f"position:{position.id}" if position.change == "moved" else ""
        messages.append(Message(EVENTS[position.change], data, streams, replaces=price_only))
        if position.change == "opened":
            detected = {**data, "detectedAt": iso_time(now)}
            messages.append(Message("trader:positionDetected", detected, streams))
    return messages


def fresh_again_message(leader: LockedLeader, source: str) -> Message:
    """Return `trader:statusChange` of a leader whose source is heard again."""
    data = {
        "leadId": leader.external_id,
        "platform": leader.platform,
        "status": leader.status,
        "source": source,
        "stale": False,
    }
    return Message("trader:statusChange", data, (ALL, trader_stream(leader.platform, leader.external_id)))


def leader_stats_message(
    leader: LockedLeader, results: Mapping[int, Result], open_positions: int | None, fetched_at: datetime
) -> Message:
    """Return `stats:updated` of a leader whose scores were computed again."""
    data: dict[str, Any] = {
        "scope": "trader",
        **_who(leader),
        "fetchedAt": iso_time(fetched_at),
        **{f"score{window}d": json_number(result.score) for window, result in results.items()},
    }
    if open_positions is not None:
        data["openPositions"] = open_positions
    stream = trader_stream(leader.platform, leader.external_id)
    return Message("stats:updated", data, (ALL, stream), replaces=f"stats:{stream}")


def symbol_stats_messages(platform: str, totals: Iterable[SymbolTotal]) -> list[Message]:
    """Return `stats:updated` of each symbol whose totals changed."""
    return [
        Message(
            "stats:updated",
            {
                "scope": "symbol",
                "platform": platform,
                "symbol": total.symbol,
                "openLongCount": total.open_long_count,
                "openShortCount": total.open_short_count,
                "totalOpen": total.open_long_count + total.open_short_count,
                "latestEventAt": iso_time_or_none(total.latest_event_at),
            },
            (ALL, symbol_stream(total.symbol)),
            replaces=f"stats:{platform}:{total.symbol}",
        )
        for total in totals
    ]


def _position(leader: LockedLeader, position: HeldPosition, fetched_at: datetime) -> dict[str, Any]:
    return {
        **_who(leader),
        "id": str(position.id),
        "symbol": position.symbol,
        "side": position.side,
        "leverage": json_number(position.leverage),
        "size": json_number(position.size),
        "sizeAsset": position.size_asset or None,
        "entryPrice": json_number(position.entry_price),
        "markPrice": json_number(position.mark_price),
        "marginUSDT": json_number(position.margin_usdt),
        "pnlUSDT": json_number(position.pnl_usdt),
        "roePct": json_number(position.roe_pct),
        "fetchedAt": iso_time(fetched_at),
    }


def _who(leader: LockedLeader) -> dict[str, Any]:
    return {"platform": leader.platform, "leadId": leader.external_id, "nickname": leader.nickname or None}


def _streams(leader: LockedLeader, symbol: str) -> tuple[str, ...]:
    return (ALL, trader_stream(leader.platform, leader.external_id), symbol_stream(symbol))

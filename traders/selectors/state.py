"""What a leader holds and is worth now."""

from typing import Any

from copytrade.lib.wire import iso_time, iso_time_or_none
from traders.freshness import Freshness
from traders.models import LeadTrader
from traders.selectors.freshness import freshness_of
from traders.shapes import OpenPosition, position_fields, trader_info


def leader_positions(leader: LeadTrader, freshness: Freshness) -> list[OpenPosition]:
    """Return the open positions; all were confirmed by the newest complete report, so that is their `fetchedAt`."""
    return [
        OpenPosition(
            id=str(position.pk),
            **position_fields(position),
            fetched_at=iso_time(freshness.positions_at or position.fetched_at),
        )
        for position in leader.positions.defer("raw").order_by("symbol", "side")
    ]


def leader_positions_meta(leader: LeadTrader, freshness: Freshness, positions: list[OpenPosition]) -> dict[str, Any]:
    """Return what goes with a list of positions: how old it is, and whether the leader shows positions at all."""
    return {
        "leadId": leader.external_id,
        "positionCount": len(positions),
        "fetchedAt": iso_time_or_none(freshness.positions_at),
        "stale": freshness.positions_stale,
        "positionsVisible": leader.positions_visible,
    }


def leader_state(leader: LeadTrader) -> dict[str, Any]:
    """Return leader, positions and freshness in one."""
    freshness = freshness_of(leader)
    positions = leader_positions(leader, freshness)
    return {
        "trader": trader_info(leader, freshness),
        "positions": positions,
        "meta": leader_positions_meta(leader, freshness, positions),
    }

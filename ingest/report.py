"""What one push says, whatever form it came in."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from traders.fills import NewFill
from traders.positions import HeldPosition

BINANCE = "binance"
SOURCE = "binance_copytrade"


class Form(StrEnum):
    """How a body was shaped."""

    NORMALISED = "normalised"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class OneWayFill:
    """A fill of a leader in one-way mode: whether it opened or closed depends on the position before it.

    `event` has the kind UNKNOWN until `resolve_one_way` knows better; `signed_amount` is negative for a sale.
    """

    event: NewFill
    signed_amount: Decimal


@dataclass(frozen=True, slots=True)
class LeaderProfile:
    """What a report tells of the leader apart from trades; `raw` is a JSON object."""

    nickname: str = ""
    avatar_url: str = ""
    positions_visible: bool | None = None
    raw: str = "{}"


@dataclass(frozen=True, slots=True)
class Report:
    """One push. `positions` is None where it says nothing of positions, empty where the leader is flat."""

    form: Form
    lead_id: str
    fetched_at: datetime
    positions: list[HeldPosition] | None
    events: list[NewFill | OneWayFill]
    profile: LeaderProfile = field(default_factory=LeaderProfile)

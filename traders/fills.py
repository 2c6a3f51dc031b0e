"""A fill that is about to be appended (pure)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import msgspec


def empty_object() -> msgspec.Raw:
    """Return `{}`."""
    return msgspec.Raw(b"{}")


@dataclass(frozen=True, slots=True)
class NewFill:
    """A fill; `canonical_key` is our identity of it, `event_key` the sender's, `raw` the row's own JSON."""

    event_key: str
    canonical_key: str
    kind: str
    symbol: str
    price: Decimal
    amount: Decimal
    amount_asset: str
    realized_pnl: Decimal | None
    event_time: datetime
    event_time_text: str
    time_is_exact: bool
    raw: msgspec.Raw = field(default_factory=empty_object)

"""Examples of decisions and of their chains."""

from typing import Any

from replication.api.orders_examples import COPIED_ORDER, FILL, SIGNAL, STEP
from replication.api.orders_examples import DECISION as DECIDED

DECISION: dict[str, Any] = {
    **DECIDED,
    "signal_id": 91,
    "account_id": 12,
    "action": "OPEN",
    "exits": False,
    "leader_symbol": "RELIANCE",
    "leader_side": "LONG",
    "leader_price": "2450.5",
    "symbol": "RELIANCE",
    "side": "LONG",
    "event_time": "2026-02-05T00:05:00.090Z",
}
STORY: dict[str, Any] = {
    **DECISION,
    "signal": SIGNAL,
    "orders": [{**COPIED_ORDER, "events": [STEP], "fills": [FILL]}],
}

"""A decision and the orders that carry it out, as they are stored; they are judged without any venue."""

from datetime import UTC, datetime, timedelta
from typing import Any

from orders.models import Order, Origin
from replication.engine.settling import Settled, decisions_settle
from replication.models import Copy, CopyIntent, Signal
from replication.tests.kit import D, follow
from tests.factories import make_account, make_leader, make_market, make_order
from traders.models import LeaderStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment so long after the decision was planned."""
    return NOON + timedelta(seconds=seconds)


def a_copy() -> Copy:
    return follow(make_leader(status=LeaderStatus.APPROVED), make_account())


def decided(copy: Copy | None = None, **values: Any) -> CopyIntent:
    """Return the decision to buy 1 as its leader did at 100, or with `exits` to sell; it is under way."""
    whose, exits = copy or a_copy(), values.get("exits", False)
    leader = {"price": D(100), "base_asset": "BTC", **values.pop("leader", {})}
    signal = Signal.objects.create(
        trader=whose.trader,
        source="event",
        source_key=f"test-{Signal.objects.count()}",
        state="planned",
        action="CLOSE" if exits else "OPEN",
        symbol="BTCUSDT",
        quote_asset="USDT",
        side="LONG",
        quantity=D(1),
        event_time=NOON,
        **leader,
    )
    usual = {"market": make_market(), "side": "LONG", "exits": False, "state": "planned", "quantity": D(1)}
    times = {"detected_at": NOON, "planned_at": NOON, "updated_at": NOON}
    return CopyIntent.objects.create(signal=signal, copy=whose, **{**usual, **times, **values})


def ordered(intent: CopyIntent, **values: Any) -> Order:
    """Return an order of a decision, filled and booked for as much as `filled_quantity` says."""
    filled = D(values.pop("filled", 0))
    usual = {"state": "CANCELED", "side": "SELL" if intent.exits else "BUY", "created_at": NOON, "quantity": D(1)}
    amounts = {"filled_quantity": filled, "booked_quantity": filled, "average_price": D(100) if filled else None}
    return make_order(
        **{
            "account": intent.copy.account,
            "market": intent.market,
            "origin": Origin.COPY,
            "cause_id": intent.pk,
            **usual,
            **amounts,
            **values,
        }
    )


def judge(intent: CopyIntent) -> Settled:
    """Judge a decision by its orders, and read it again."""
    [settled] = decisions_settle([intent.pk], {})
    intent.refresh_from_db()
    return settled

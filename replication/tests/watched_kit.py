"""A watched leader of Binance: what a scraper pushes, in short words. Moments are told in seconds ago."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from copytrade.accounts.authentication import KeyHolder
from ingest.services import push_receive
from replication.engine.running import fan_out
from replication.models import Copy
from replication.tests.kit import PRICE, follow
from tests.factories import make_leader
from tests.payloads import body, encode, iso, position
from traders.models import LeaderStatus, LeadTrader

HOLDER = KeyHolder("test", frozenset({"ingest"}), None)
_numbers = count(1)


def watched(**values: Any) -> LeadTrader:
    """Return a watched leader whom people may copy."""
    return make_leader(**{"status": LeaderStatus.APPROVED, **values})


def follow_since(leader: LeadTrader, *, seconds: float = 3600, **settings: Any) -> Copy:
    """Copy a leader since so long ago."""
    copy = follow(leader, **settings)
    Copy.objects.filter(pk=copy.pk).update(started_at=copy.started_at - timedelta(seconds=seconds))
    copy.refresh_from_db()
    return copy


def moment(ago: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=ago)


def did(kind: str, amount: Any, *, ago: float = 0.5, symbol: str = "BTCUSDT", price: Any = PRICE) -> dict[str, Any]:
    """Return a trade of the leader as a scraper tells it, with a time to the millisecond."""
    return {
        "eventType": kind,
        "symbol": symbol,
        "eventTime": iso(moment(ago).replace(microsecond=next(_numbers) % 999 * 1000 + 1000)),
        "price": str(price),
        "amount": str(amount),
        "event_key": f"trade-{next(_numbers)}",
    }


def holds(size: Any, *, symbol: str = "BTCUSDT", side: str = "LONG") -> dict[str, Any]:
    """Return a position as a scraper tells it."""
    return position(symbol, side, float(size), entryPrice=float(PRICE))


def push(leader: LeadTrader, *events: dict[str, Any], positions: Any = None, read: float = 0.0) -> None:
    """Push what a scraper read so long ago; without positions it says nothing of them."""
    told = {} if positions is None else {"positions": positions}
    whole = body(lead=leader.external_id, fetched_at=iso(moment(read)), events=list(events), **told)
    push_receive(body=encode(whole), holder=HOLDER)


def tell(leader: LeadTrader, *events: dict[str, Any], positions: Any = None, read: float = 0.0) -> None:
    """Push, and serve the followers."""
    push(leader, *events, positions=positions, read=read)
    fan_out()

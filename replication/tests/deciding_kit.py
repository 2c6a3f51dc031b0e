"""One copy of a leader at one signal, of which everything is said by hand: what it decides needs no database."""

from datetime import timedelta
from decimal import localcontext
from typing import Any

from markets.models import Market
from replication.engine.blocks import Block
from replication.engine.deciding import Decided, Scene, decide, trade_of, traded_of
from replication.engine.loading import Follower
from replication.engine.places import Places
from replication.models import Signal
from replication.sizing import CONTEXT
from replication.tests.planner_kit import NOW, D, state_of, terms_of
from replication.vocabulary import PositionWord

BITCOIN = {"venue": "binanceusdm", "symbol": "BTCUSDT", "kind": "usd_m", "status": "TRADING"}
STEPS = {"quantity_step": D("0.001"), "quantity_min": D("0.001")}


def market_row(**values: Any) -> Market:
    return Market(**{"id": 7, **BITCOIN, **STEPS, "base_asset": "BTC", "quote_asset": "USDT", **values})


def signal_of(fraction: Any = 1, **values: Any) -> Signal:
    """Return how a leader closes such a part of a long position of 1."""
    usual = {"action": "CLOSE" if D(fraction) == 1 else "REDUCE", "side": "LONG", "source": "event"}
    times = {"event_time": NOW - timedelta(seconds=1), "detected_at": NOW}
    what = {"symbol": "BTCUSDT", "base_asset": "BTC", "quote_asset": "USDT", "price": D(50_000)}
    return Signal(**{**usual, **times, **what, "quantity": D(1), "fraction": D(fraction), **values})


def follower_of(held: Any = 1, **values: Any) -> Follower:
    """Return a copy that holds so much, as its account does, unless it is said otherwise."""
    quantity = D(held)
    state = {"held": quantity, **values.pop("state", {})}
    usual = {
        "copy_id": 1,
        "account_id": 2,
        "user_id": 3,
        "venue": "binanceusdm",
        "live": False,
        "live_enabled": False,
        "account_state": "active",
        "account_reason": "",
        "hedge_mode": False,
        "leverage": None,
        "market_id": 7,
        "terms": terms_of(),
        "held_side": None if not quantity else PositionWord.LONG if quantity > 0 else PositionWord.SHORT,
        "closable": abs(quantity),
    }
    return Follower(**{**usual, **values, "state": state_of(**state)})


def scene_of(
    signal: Signal | None = None, market: Market | None = None, block: Block | None = None, **values: Any
) -> Scene:
    """Return what is known of a signal; without prices."""
    told, where = signal or signal_of(), market or market_row()
    trade = trade_of(told)
    known = {where.pk: where}
    usual: dict[str, Any] = {
        "signal": told,
        "trades": dict.fromkeys(known, trade),
        "trade": trade,
        "markets": known,
        "traded": {where.pk: traded_of(where)},
        "prices": {},
        "block": lambda _: block,
        "leader_block": None,
        "now": NOW,
    }
    return Scene(**{**usual, **values})


def decide_exit(follower: Follower, fraction: Any = 1, *, attempt: int = 1, **scene: Any) -> Decided:
    """Decide about such a part that a leader closes."""
    signal = scene.pop("signal", None) or signal_of(fraction)
    where = scene_of(signal, **scene)
    with localcontext(CONTEXT):
        return decide(where, follower, Places(where.prices), attempt)

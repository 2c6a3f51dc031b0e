"""Decisions of copies as they stand on the wire."""

from typing import Annotated, Literal

import msgspec

from orders.api.shapes import Amount, Symbol, Time
from replication.api.orders_shapes import CopyDecision, LeaderSignal, OrderFill, OrderStep, TradedOrder
from replication.vocabulary import Action
from traders.api.serializers import CursorMeta


class DecisionInfo(CopyDecision, kw_only=True):
    """What a copy decided, and about which trade. `symbol` and `side` are the follower's, null where nothing maps."""

    signal_id: int
    account_id: int
    action: Action
    exits: bool
    leader_symbol: Symbol
    leader_side: Literal["LONG", "SHORT"]
    leader_price: Amount | None
    symbol: Symbol | None
    side: Literal["LONG", "SHORT"]
    event_time: Time


class DecisionOrder(TradedOrder, kw_only=True):
    """An order that carries out a decision, with each step and each trade."""

    events: list[OrderStep]
    fills: list[OrderFill]


class DecisionStory(DecisionInfo, kw_only=True):
    """A decision with its whole chain: the leader's trades, the decision, its orders."""

    signal: LeaderSignal
    orders: Annotated[list[DecisionOrder], msgspec.Meta(description="Oldest first; one that was tried again has more.")]


class DecisionsAnswer(msgspec.Struct):
    """Decisions, newest first."""

    success: Literal[True]
    data: list[DecisionInfo]
    meta: CursorMeta


class DecisionStoryAnswer(msgspec.Struct):
    """A decision with its whole chain."""

    success: Literal[True]
    data: DecisionStory

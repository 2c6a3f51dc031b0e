"""Terms, states and requests are made by place, which is fast: each value is that of its own name all the same."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from markets.venues.base import OrderRequest
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, WorkingType
from orders.executor.claiming import request_of
from replication.engine.copy_terms import terms_of
from replication.engine.loading import _follower
from replication.engine.rows import CopyRow
from replication.facts import CopyTerms, FollowerState
from replication.vocabulary import CopyState, MinimumPolicy, Strategy

WORDS: dict[str, Any] = {
    "state": CopyState.ACTIVE,
    "strategy": Strategy.FIXED_RATIO,
    "minimum_policy": MinimumPolicy.SKIP,
    "tiers": "[]",
    "trading_hours": "null",
    "allowed_symbols": ["A"],
    "denied_symbols": ["B"],
    "held_side": None,
}


def named(names: tuple[str, ...]) -> dict[str, Any]:
    """Return a value of its own for each name."""
    return {name: WORDS.get(name, Decimal(number)) for number, name in enumerate(names)}


def test_terms_of_a_copy_are_those_of_its_columns():
    row = SimpleNamespace(**named(CopyTerms.__struct_fields__))

    terms = terms_of(row)

    same = [name for name in CopyTerms.__struct_fields__ if name not in WORDS]
    assert {name: getattr(terms, name) for name in same} == {name: getattr(row, name) for name in same}
    assert (terms.state, terms.strategy, terms.minimum_policy) == (row.state, row.strategy, row.minimum_policy)
    assert (terms.allowed_symbols, terms.denied_symbols) == (frozenset("A"), frozenset("B"))
    assert (terms.tiers, terms.trading_hours) == ((), None)


def test_a_copy_stands_as_its_columns_say():
    row = CopyRow(**named(CopyRow._fields))

    state = _follower(row).state

    same = [name for name in FollowerState.__struct_fields__ if name in CopyRow._fields]
    assert len(same) > 12
    assert {name: getattr(state, name) for name in same} == {name: getattr(row, name) for name in same}
    assert state.opened_at == row.leader_opened_at


def test_a_request_asks_for_what_the_order_says():
    values: dict[str, Any] = named(OrderRequest.__struct_fields__)
    values |= {"side": Side.SELL, "type": OrderType.LIMIT, "time_in_force": TimeInForce.IOC}
    values |= {"position_side": PositionSide.SHORT, "working_type": WorkingType.MARK_PRICE}
    market = SimpleNamespace(symbol="BTCUSDT", kind=MarketKind.USD_M)
    order: Any = SimpleNamespace(**values, market=market)

    request = request_of(order)

    asked = {name: getattr(request, name) for name in OrderRequest.__struct_fields__}
    assert asked == values | {"symbol": "BTCUSDT", "kind": MarketKind.USD_M}

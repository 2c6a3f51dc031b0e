"""A leader's trades, a copy's terms and the markets of the planner's tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from markets.filters import Filters
from markets.venues.vocabulary import MarketKind
from replication.facts import CopyTerms, Decision, FollowerMarket, FollowerState, LeaderTrade
from replication.planner import plan
from replication.vocabulary import Action, CopyState, MinimumPolicy, PositionWord, Strategy

D = Decimal
NOW = datetime(2026, 2, 5, 12, 0, tzinfo=UTC)  # a Thursday
USD_M_RULES = Filters(
    price_tick=D("0.10"),
    price_min=D("556.80"),
    price_max=D(4_529_764),
    quantity_step=D("0.001"),
    quantity_min=D("0.001"),
    quantity_max=D(1000),
    market_quantity_step=D("0.001"),
    market_quantity_min=D("0.001"),
    market_quantity_max=D(120),
    notional_min=D(50),
    price_factor_up=D("1.05"),
    price_factor_down=D("0.95"),
)
SPOT_RULES = Filters(
    price_tick=D("0.01"),
    quantity_step=D("0.00001"),
    quantity_min=D("0.00001"),
    quantity_max=D(9000),
    market_quantity_max=D("107.5"),
    notional_min=D(5),
)
COIN_M_RULES = Filters(price_tick=D("0.1"), quantity_step=D(1), quantity_min=D(1), market_quantity_max=D(60_000))


def trade_of(action: Action = Action.OPEN, quantity: Any = 1, price: Any = 50_000, **others: Any) -> LeaderTrade:
    values = {"symbol": "BTCUSDT", "side": PositionWord.LONG, "event_time": NOW - timedelta(seconds=1), **others}
    return LeaderTrade(action=action, quantity=D(quantity), price=None if price is None else D(price), **values)


def exit_of(fraction: Any = 1, **others: Any) -> LeaderTrade:
    action = Action.CLOSE if D(fraction) == 1 else Action.REDUCE
    return trade_of(action, **{"fraction": D(fraction), **others})


def terms_of(**values: Any) -> CopyTerms:
    usual = {
        "state": CopyState.ACTIVE,
        "strategy": Strategy.FIXED_RATIO,
        "ratio": D(1),
        "started_at": NOW - timedelta(days=1),
    }
    return CopyTerms(**{**usual, **values})


def market_of(kind: MarketKind = MarketKind.USD_M, **values: Any) -> FollowerMarket:
    rules = {MarketKind.SPOT: SPOT_RULES, MarketKind.USD_M: USD_M_RULES, MarketKind.COIN_M: COIN_M_RULES}[kind]
    size = D(100) if kind == MarketKind.COIN_M else D(1)
    quote = "USD" if kind == MarketKind.COIN_M else "USDT"
    usual = {
        "symbol": "BTCUSDT",
        "kind": kind,
        "quote_asset": quote,
        "filters": rules,
        "contract_size": size,
        "price": D(50_000),
    }
    return FollowerMarket(**{**usual, **values})


def state_of(**values: Any) -> FollowerState:
    return FollowerState(**{"funds": D(1_000_000), **values})


def decide(
    trade: LeaderTrade | None = None,
    terms: CopyTerms | None = None,
    market: FollowerMarket | None = None,
    state: FollowerState | None = None,
    now: datetime = NOW,
) -> Decision:
    """Plan with what is usual where a test does not say."""
    return plan(trade or trade_of(), terms or terms_of(), market or market_of(), state or state_of(), now)


def after(state: FollowerState, decision: Decision) -> FollowerState:
    """Return the state once all orders of a decision have filled."""
    way = 1 if (decision.side == PositionWord.LONG) != decision.exits else -1
    worth = decision.worth if not decision.exits else -decision.worth
    return replace(
        state,
        held=state.held + way * decision.quantity,
        remainder=decision.remainder,
        copy_worth=max(state.copy_worth + worth, D(0)),
        symbol_worth=max(state.symbol_worth + worth, D(0)),
    )


quantities = st.decimals("0.0001", 50, places=8)
prices = st.decimals(1_000, 100_000, places=2)
ratios = st.decimals("0.01", 20, places=4)
fractions = st.decimals("0.01", "0.99", places=6)
worths = st.decimals(0, 500_000, places=2)
maybe_worths = st.none() | worths
sides = st.sampled_from(PositionWord)
kinds = st.sampled_from([MarketKind.USD_M, MarketKind.COIN_M, MarketKind.SPOT])
policies = st.sampled_from(MinimumPolicy)

"""What holds for every plan, whatever is traded and however it is limited."""

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.venues.vocabulary import MarketKind
from replication.moves import moves_of
from replication.sites import site_of
from replication.sizing import CONTEXT, unit_worth
from replication.tests.planner_kit import (
    D,
    after,
    decide,
    exit_of,
    fractions,
    kinds,
    market_of,
    maybe_worths,
    policies,
    prices,
    quantities,
    ratios,
    sides,
    state_of,
    terms_of,
    trade_of,
    worths,
)
from replication.vocabulary import CopyState, MinimumPolicy, PositionWord, Strategy

limited_terms = st.builds(
    terms_of,
    strategy=st.sampled_from(Strategy),
    ratio=ratios,
    percentage=st.decimals("0.1", 100, places=1),
    fixed_quantity=quantities,
    fixed_amount=worths,
    tiers=ratios.map(lambda multiplier: ((D(0), multiplier), (D(1_000), multiplier * 2))),
    inverted=st.booleans(),
    max_order=maybe_worths,
    max_symbol=maybe_worths,
    max_exposure=maybe_worths,
    max_leverage=st.none() | st.decimals("0.1", 20, places=1),
    max_slippage_percent=st.none() | st.decimals(0, 20, places=2),
    minimum_policy=policies,
)
states = st.builds(
    state_of,
    funds=worths,
    symbol_worth=worths,
    copy_worth=worths,
    account_worth=worths,
    account_max_worth=maybe_worths,
    remainder=st.sampled_from([D(0), D("0.0007")]),
)
markets = st.builds(
    market_of,
    kind=kinds,
    price=st.none() | prices,
    leverage=st.integers(1, 125).map(Decimal),
    limit_ioc=st.booleans(),
    hedge_mode=st.booleans(),
)
trades = st.builds(trade_of, quantity=quantities, price=prices, side=sides, equity=st.none() | worths)
histories = st.lists(
    st.tuples(st.just("entry"), quantities) | st.tuples(st.just("exit"), fractions), min_size=1, max_size=8
)


@given(trades, limited_terms, markets, states)
def test_no_order_is_above_any_limit(trade, terms, market, state):
    worth = decide(trade, terms, market, state).worth
    if not worth:
        return
    with localcontext(CONTEXT):
        assert terms.max_order is None or worth <= terms.max_order
        assert terms.max_symbol is None or worth + state.symbol_worth <= terms.max_symbol
        assert terms.max_exposure is None or worth + state.copy_worth <= terms.max_exposure
        assert terms.max_leverage is None or worth + state.copy_worth <= terms.max_leverage * state.funds
        assert state.account_max_worth is None or worth + state.account_worth <= state.account_max_worth
        assert worth + state.copy_worth <= site_of(trade, terms, market).spendable(state.funds)


@given(trades, limited_terms, markets, states)
def test_no_more_is_ordered_than_was_wanted_and_kept(trade, terms, market, state):
    decision = decide(trade, terms, market, state)

    assert decision.quantity <= (decision.wanted or D(0)) + max(state.remainder, D(0))
    assert len(decision.orders) <= 1


@given(trades, limited_terms, markets, states)
def test_every_order_is_on_the_steps_and_not_below_the_smallest(trade, terms, market, state):
    """PITFALLS 15."""
    for order in decide(trade, terms, market, state).orders:
        rules = market.filters
        assert order.quantity % rules.quantity_step == 0
        assert order.quantity >= rules.quantity_min
        assert order.price is None or order.price % rules.price_tick == 0
        at = order.price or market.price or trade.price
        assert order.quantity * unit_worth(market, at) >= (rules.notional_min or 0)


@given(trades, limited_terms, markets, states)
def test_every_decision_that_orders_nothing_or_less_says_why(trade, terms, market, state):
    decision = decide(trade, terms, market, state)

    assert bool(decision.orders) != bool(decision.code)
    assert bool(decision.message) == bool(decision.code or decision.caps)
    assert len(decision.message) < 500


@given(trades, limited_terms, markets, states, ratios)
def test_a_higher_ratio_never_orders_less(trade, terms, market, state, more):
    higher = replace(terms, ratio=(terms.ratio or D(0)) + more)

    assert decide(trade, terms, market, state).quantity <= decide(trade, higher, market, state).quantity


@given(trades, ratios, markets, st.decimals("0.5", 2, places=2), st.decimals(1, 4, places=2))
def test_what_a_limit_cuts_is_no_less_than_what_it_lets_pass(trade, ratio, market, most, more):
    """The same where the limit lies just there, which what is drawn at large hardly ever meets."""
    worth = trade.quantity * (market.price or trade.price) * ratio
    terms, state = terms_of(ratio=ratio, max_order=worth * most), state_of(funds=None)
    higher = replace(terms, ratio=ratio * more)

    assert decide(trade, terms, market, state).quantity <= decide(trade, higher, market, state).quantity


@given(trades, st.sampled_from(Strategy), markets, states)
def test_every_strategy_decides(trade, strategy, market, state):
    terms = terms_of(
        strategy=strategy, percentage=D(5), fixed_quantity=D("0.3"), fixed_amount=D(500), tiers=((D(0), D("0.5")),)
    )
    decision = decide(replace(trade, equity=D(70_000)), terms, market, state)

    assert decision.orders or decision.code


@given(histories, ratios, policies, kinds, maybe_worths, sides, st.booleans())
def test_a_full_close_is_always_flat(history, ratio, policy, kind, max_order, side, inverted):
    """After whatever was accumulated, cut and closed in part; and it leaves nothing to open or to close."""
    market = market_of(kind)
    terms = terms_of(ratio=ratio, minimum_policy=policy, max_order=max_order, inverted=inverted)
    state = state_of(funds=None)
    for what, amount in history:
        trade = trade_of(quantity=amount, side=side) if what == "entry" else exit_of(amount, side=side)
        state = after(state, decide(trade, terms, market, state))
    close = decide(exit_of(side=side), terms, market, state)

    assert close.quantity == abs(state.held)
    assert close.remainder == 0
    assert after(state, close).held == 0


@given(st.lists(quantities, min_size=1, max_size=10), st.decimals("0.0001", "0.2", places=4), kinds)
def test_opening_in_parts_is_opening_at_once_up_to_one_step(parts, ratio, kind):
    market, terms = market_of(kind), terms_of(ratio=ratio, minimum_policy=MinimumPolicy.ACCUMULATE)
    state = state_of(funds=None)
    for part in parts:
        state = after(state, decide(trade_of(quantity=part), terms, market, state))
    once = decide(trade_of(quantity=sum(parts)), terms, market, state_of(funds=None))

    smallest = max(
        market.filters.quantity_step or D(0), (market.filters.notional_min or D(0)) / unit_worth(market, D(50_000))
    )
    assert 0 <= once.quantity - state.held <= smallest
    assert state.held + state.remainder == (once.wanted or 0)


@given(quantities.map(lambda quantity: quantity.quantize(D("0.001"))), st.lists(fractions, min_size=1, max_size=6))
def test_closing_in_parts_is_closing_at_once_up_to_one_step(held, parts):
    market = market_of(MarketKind.USD_M)
    state, left = state_of(held=held), held
    for fraction in parts:
        state = after(state, decide(exit_of(fraction), market=market, state=state))
        left *= 1 - fraction

    assert D("-0.000001") < state.held - left < D("0.001001")


@given(quantities, fractions, policies)
def test_an_exit_leaves_in_all_what_the_fraction_leaves(quantity, fraction, policy):
    """What is held and what remains shrink by the fraction together, whichever part of it can be ordered."""
    terms = terms_of(minimum_policy=policy)
    state = after(state_of(funds=None), decide(trade_of(quantity=quantity), terms, state=state_of(funds=None)))
    gone = after(state, decide(exit_of(fraction), terms, state=state))

    assert abs((state.held + state.remainder) * (1 - fraction) - gone.held - gone.remainder) < D("1e-11")


@given(quantities.map(lambda quantity: quantity.quantize(D("0.001"))), fractions, limited_terms, states, prices)
def test_exits_meet_no_limit_of_entries(held, fraction, terms, state, price):
    """PITFALLS 13 and 17."""
    if not held:
        return
    bound = replace(
        terms, state=CopyState.PAUSED, max_daily_loss=D(0), max_positions=0, max_signal_age_seconds=0, inverted=False
    )
    market = market_of(price=price)
    free = decide(exit_of(fraction), terms_of(), market, state_of(held=held))

    assert decide(exit_of(fraction), bound, market, replace(state, held=held, remainder=D(0))).orders == free.orders
    assert decide(exit_of(), bound, market, replace(state, held=held)).quantity == held


@given(st.lists(st.decimals(-5, 5, places=3), min_size=1, max_size=8))
def test_a_copy_at_the_leaders_own_size_holds_what_the_leader_holds(signed):
    """Whatever the leader does, turns included, up to one step."""
    terms, leader = terms_of(minimum_policy=MinimumPolicy.ACCUMULATE), D(0)
    state_by_side = {side: state_of(funds=None) for side in PositionWord}
    for quantity in signed:
        for move in moves_of(leader, quantity):
            trade = trade_of(move.action, move.quantity, side=move.side, fraction=move.fraction)
            state = state_by_side[move.side]
            state_by_side[move.side] = after(state, decide(trade, terms, state=state))
        leader += quantity

    assert abs(sum(state.held for state in state_by_side.values()) - leader) <= D("0.001")

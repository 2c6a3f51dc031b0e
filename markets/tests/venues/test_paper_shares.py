"""Shares on paper: how long an order waits, and what a position in them is worth."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.venues.base import OrderRequest, PriceReport
from markets.venues.errors import Rejected, RejectReason
from markets.venues.iifl.capabilities import EQUITY, PAPER_SETTINGS
from markets.venues.iifl.listing import built_in
from markets.venues.paper import engine
from markets.venues.paper.capabilities import for_paper
from markets.venues.paper.engine import View
from markets.venues.paper.facts import Balance, Ledger, MarketKey
from markets.venues.paper.terms import LATENCY_STEP, Terms, terms_of
from markets.venues.vocabulary import MarketKind, OrderType, Side

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
RELIANCE = next(spec for spec in built_in() if spec.symbol == "RELIANCE")
KEY = MarketKey(MarketKind.EQUITY, "RELIANCE")
FREE_OF_FEES = Terms(maker_fee=Decimal(0), taker_fee=Decimal(0), slippage=Decimal(0), liquidity=None)


def view(price: str) -> View:
    at = Decimal(price)
    return View(RELIANCE, PriceReport("RELIANCE", KEY.kind, NOW, last=at, bid=at, ask=at), False, {KEY: at}, NOW)


def traded(ledger: Ledger, side: Side, quantity: int, price: str) -> Ledger:
    request = OrderRequest(f"{side}{quantity}", "RELIANCE", KEY.kind, side, OrderType.MARKET, Decimal(quantity))
    return engine.place(ledger, request, view(price), FREE_OF_FEES).ledger


def rupees(amount: int) -> Ledger:
    return Ledger({"INR": Balance(Decimal(amount))}, leverage=50)


def test_an_order_waits_between_its_two_bounds_and_always_equally_long() -> None:
    terms = terms_of(PAPER_SETTINGS)
    waits = {terms.delay(f"order{number}") for number in range(1000)}

    assert waits == set(range(50, 151, LATENCY_STEP))
    assert terms.delay("order1") == terms.delay("order1")


@given(st.integers(0, 3000), st.integers(0, 3000), st.text(max_size=36))
def test_no_order_waits_longer_than_the_larger_bound(least: int, most: int, name: str) -> None:
    assert least <= Terms(latency=least, latency_most=most).delay(name) <= max(least, most)


def test_what_is_sold_short_gains_when_the_price_falls() -> None:
    short = traded(rupees(10_000), Side.SELL, 10, "2450")
    closed = traded(short, Side.BUY, 10, "2400")

    assert short.unrealized("INR", {KEY: Decimal(2400)}) == 500
    assert (closed.positions, closed.balance("INR").total) == ({}, Decimal(10_500))


def test_a_hundred_shares_need_a_fiftieth_of_their_worth() -> None:
    held = traded(rupees(10_000), Side.BUY, 100, "2450")

    assert held.available("INR", {KEY: Decimal(2450)}) == 10_000 - 245_000 // 50
    with pytest.raises(Rejected) as refused:
        traded(held, Side.BUY, 110, "2450")
    assert refused.value.reason == RejectReason.INSUFFICIENT_MARGIN


def test_the_books_know_orders_that_only_reduce_where_the_exchange_does_not() -> None:
    assert not EQUITY.reduce_only
    assert for_paper(EQUITY).reduce_only
    request = OrderRequest("r", "RELIANCE", KEY.kind, Side.SELL, OrderType.MARKET, Decimal(5), reduce_only=True)
    with pytest.raises(Rejected) as refused:
        engine.place(rupees(10_000), request, view("2450"), FREE_OF_FEES)
    assert refused.value.reason == RejectReason.REDUCE_ONLY_REFUSED

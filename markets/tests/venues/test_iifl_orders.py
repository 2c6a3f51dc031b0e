"""Orders at IIFL: our ids, acknowledgements, algo accounts, dealers, and books that learn late."""

import asyncio
import collections
from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import LONG_ID, ORDERS, access, named, order, resting, venue_of
from markets.venues.base import ZERO, Venue
from markets.venues.errors import (
    AuthFailed,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    RejectReason,
    Retryable,
)
from markets.venues.iifl.adapter import make
from markets.venues.iifl.names import unique_identifier
from markets.venues.vocabulary import MarketKind, OrderType, Side, VenueStatus
from tests.simulators.iifl import IiflSimulator

run = loop.run


@pytest.fixture
def exchange() -> Iterator[IiflSimulator]:
    with IiflSimulator() as simulator:
        yield simulator


@pytest.fixture
def venue(exchange: IiflSimulator) -> Iterator[Venue]:
    with venue_of(exchange) as made:
        yield made


def test_an_id_of_ours_goes_as_twenty_characters_and_comes_back_whole(exchange: IiflSimulator, venue: Venue) -> None:
    mine, request = access(exchange.account()), resting()
    placed = run(venue.place(mine, request))

    assert exchange.counts()["identifiers"] == {unique_identifier(LONG_ID): 1}
    assert placed.client_order_id == LONG_ID
    assert [each.client_order_id for each in run(venue.open_orders(mine))] == [LONG_ID]


def test_another_process_knows_our_ids_too(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    placed = run(venue.place(mine, order()))
    other = make("iifl")
    try:
        assert [each.client_order_id for each in run(other.open_orders(mine))] == []
        (fill,) = run(other.fills(mine, "RELIANCE", MarketKind.EQUITY, since=None))
    finally:
        run(other.close())
    assert (fill.client_order_id, fill.venue_order_id) == (LONG_ID, placed.venue_order_id)


def test_an_acknowledged_order_is_new_until_the_exchange_has_decided(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.hold(delay=60)
    mine, request = access(exchange.account()), order()
    placed = run(venue.place(mine, request))
    known = run(venue.query(mine, named(request)))

    assert (placed.status, placed.filled_quantity) == (VenueStatus.NEW, ZERO)
    assert known is not None
    assert (known.status, known.venue_order_id) == (VenueStatus.NEW, placed.venue_order_id)


def test_an_order_that_risk_management_refuses_is_told_with_its_words(exchange: IiflSimulator, venue: Venue) -> None:
    mine, request = access(exchange.account(balance="10")), order()
    run(venue.place(mine, request))
    known = run(venue.query(mine, named(request)))

    assert known is not None
    assert known.status == VenueStatus.REJECTED
    assert known.reason.startswith("RMS:Margin Exceeds")


def test_a_book_that_learns_late_says_none_and_then_shows_the_order(exchange: IiflSimulator, venue: Venue) -> None:
    exchange.hold(book_delay=3600)
    mine, request = access(exchange.account()), resting()
    run(venue.place(mine, request))

    assert run(venue.query(mine, named(request))) is None
    exchange.hold(book_delay=0)
    assert run(venue.query(mine, named(request))) is not None


@pytest.mark.parametrize("kind", ["bad_gateway", "drop_after", "garbage"])
def test_an_order_behind_a_broken_answer_is_never_sent_twice(exchange: IiflSimulator, venue: Venue, kind: str) -> None:
    mine, request = access(exchange.account()), resting()
    exchange.fault(kind, method="POST", path=ORDERS)
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            run(venue.place(mine, request))

    assert exchange.counts()["identifiers"] == {unique_identifier(LONG_ID): 1}
    assert run(venue.query(mine, named(request))) is not None


def test_an_order_that_was_refused_may_be_sent_again(exchange: IiflSimulator, venue: Venue) -> None:
    mine, request = access(exchange.account()), resting(price=Decimal("2400.01"))
    with pytest.raises(Rejected) as refused:
        run(venue.place(mine, request))
    run(venue.place(mine, replace(request, price=Decimal(2400))))

    assert refused.value.reason == RejectReason.PRICE_FILTER


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_200"])
def test_a_pause_concerns_one_account_and_was_no_order(exchange: IiflSimulator, venue: Venue, kind: str) -> None:
    mine, other = access(exchange.account()), access(exchange.account())
    run(venue.account(mine))
    exchange.fault(kind, method="POST", path=ORDERS)
    for _ in range(2):
        with pytest.raises(Retryable):
            run(venue.place(mine, resting()))
    run(venue.place(other, resting()))

    assert exchange.counts()["identifiers"] == {unique_identifier(LONG_ID): 1}
    assert exchange.counts()["requests"][f"POST {ORDERS}"] == 2


def test_an_account_that_places_too_fast_is_held_back_here(exchange: IiflSimulator) -> None:
    with venue_of(exchange, IIFL_ORDERS_PER_SECOND=1) as venue:
        mine = access(exchange.account())
        requests = [resting(client_order_id=f"fast{number}") for number in range(5)]
        with pytest.raises(Retryable, match="as many orders") as held:
            collections.deque((run(venue.place(mine, request)) for request in requests), maxlen=0)

    assert held.value.after.total_seconds() <= 1
    assert sum(exchange.counts()["identifiers"].values()) < 5


def test_questions_at_the_same_moment_share_one_look_into_the_book(exchange: IiflSimulator, venue: Venue) -> None:
    mine, request = access(exchange.account()), resting()
    run(venue.place(mine, request))

    async def ask_ten() -> list[object]:
        return list(await asyncio.gather(*(venue.query(mine, named(request)) for _ in range(10))))

    assert all(run(ask_ten()))
    assert exchange.counts()["requests"][f"GET {ORDERS}"] == 1


def test_an_algo_account_sends_limits_beyond_the_price_instead_of_market_orders(exchange: IiflSimulator) -> None:
    mine = access(exchange.account(algo=True))
    with venue_of(exchange) as plain, pytest.raises(Rejected) as refused:
        run(plain.place(mine, order()))
    with venue_of(exchange, IIFL_PROTECTION_PERCENT=Decimal(1)) as careful:
        run(careful.place(mine, order(client_order_id="algo")))
        known = run(careful.query(mine, named(order(client_order_id="algo"))))

    assert "ALGO" in refused.value.message
    assert known is not None
    assert (known.status, known.price) == (VenueStatus.FILLED, Decimal("2475.05"))  # 2450.50 and 1 %, on the tick above


def test_an_algo_order_without_a_real_price_is_refused_and_never_priced_by_a_simulated_one(
    exchange: IiflSimulator,
) -> None:
    without = {"IIFL_PROTECTION_PERCENT": Decimal(1), "IIFL_MARKET_DATA_KEY": ""}
    with venue_of(exchange, **without) as venue, pytest.raises(Rejected) as refused:
        run(venue.place(access(exchange.account(algo=True)), order()))

    assert refused.value.reason == RejectReason.STALE_PRICE
    assert exchange.counts()["identifiers"] == {}


def test_a_dealers_key_trades_for_the_client_that_its_passphrase_names(exchange: IiflSimulator, venue: Venue) -> None:
    dealer = exchange.account(dealer=True, clients=2)
    first = access(dealer, dealer.client)
    second = access(dealer, f"{dealer.client[:-1]}B")
    run(venue.place(first, order()))

    assert [held.quantity for held in run(venue.account(first)).positions] == [10]
    assert run(venue.account(second)).positions == ()
    assert run(venue.query(second, named(order()))) is None
    with pytest.raises(AuthFailed, match="passphrase"):
        run(venue.place(access(dealer), order(client_order_id="nobody")))


def test_shares_are_sold_short_and_shown_so(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    run(venue.place(mine, order(side=Side.SELL)))
    report = run(venue.account(mine))

    assert [(held.symbol, held.quantity, held.entry_price) for held in report.positions] == [
        ("RELIANCE", Decimal(-10), Decimal("2450.45"))
    ]
    assert (report.equity_asset, report.equity) == ("INR", Decimal(10_000_000))


def test_both_shapes_of_positions_are_read(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    run(venue.place(mine, order()))
    held = run(venue.account(mine)).positions
    exchange.hold(live_positions=False)

    assert run(venue.account(mine)).positions == held


def test_an_account_without_anything_has_empty_lists(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())

    assert run(venue.open_orders(mine)) == []
    assert run(venue.fills(mine, "RELIANCE", MarketKind.EQUITY, since=None)) == []
    assert run(venue.account(mine)).positions == ()


def test_orders_are_refused_while_the_exchange_is_closed(exchange: IiflSimulator) -> None:
    with venue_of(exchange, IIFL_MARKET_HOURS="00:00-00:00") as venue, pytest.raises(Rejected) as refused:
        run(venue.place(access(exchange.account()), order()))

    assert refused.value.reason == RejectReason.MARKET_CLOSED


def test_what_xts_has_no_words_for_is_not_sent(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    stop = order(type=OrderType.TAKE_PROFIT_MARKET, stop_price=Decimal(2500))
    for request in (order(reduce_only=True), stop, order(extra={"productType": "CNC"})):
        with pytest.raises(NotSupported):
            run(venue.place(mine, request))

    assert exchange.counts()["identifiers"] == {}

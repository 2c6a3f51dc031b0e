"""What IIFL's socket tells under our own ids, to whom, and what happens when its login has ended."""

from collections.abc import Iterator

import pytest

from copytrade.lib import loop
from markets.tests.venues.iifl_kit import LONG_ID, access, named, order, resting, venue_of
from markets.venues.base import AccountReport, FillReport, OrderReport, Venue
from markets.venues.errors import VenueDown
from markets.venues.iifl.adapter import make
from markets.venues.vocabulary import VenueStatus
from tests.contract.ear import Ear
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


def test_orders_of_another_process_are_told_under_our_ids(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    worker = make("iifl")
    try:
        with Ear(venue.private_stream(mine)) as ear:
            ear.connected()
            run(worker.place(mine, order()))
            told, fill = ear.order(LONG_ID, VenueStatus.FILLED), ear.fill(LONG_ID)
    finally:
        run(worker.close())

    assert (told.venue_order_id, fill.quantity) == (fill.venue_order_id, told.filled_quantity)


def test_an_order_that_somebody_else_placed_is_told_under_its_own_identifier(
    exchange: IiflSimulator, venue: Venue
) -> None:
    mine = access(exchange.account())
    with Ear(venue.private_stream(mine)) as ear:
        ear.connected()
        run(venue.place(mine, resting(client_order_id="FromTheWebsite")))

        ear.order("FromTheWebsite", VenueStatus.NEW)


def test_a_dealer_hears_of_one_client_what_concerns_that_one(exchange: IiflSimulator, venue: Venue) -> None:
    dealer = exchange.account(dealer=True, clients=2)
    first, second = access(dealer, dealer.client), access(dealer, f"{dealer.client[:-1]}B")
    with Ear(venue.private_stream(first)) as ear:
        ear.connected()
        run(venue.place(second, order(client_order_id="theirs")))
        run(venue.place(first, order(client_order_id="ours")))
        ear.fill("ours")
        ear.first(lambda event: isinstance(event, AccountReport))

    told = [event for event in ear.events if isinstance(event, OrderReport | FillReport)]
    assert {event.client_order_id for event in told} == {"ours"}


def test_a_socket_whose_login_has_ended_logs_in_again_for_the_next_attempt(
    exchange: IiflSimulator, venue: Venue
) -> None:
    mine = access(exchange.account())
    run(venue.place(mine, resting()))
    exchange.end_sessions()
    with Ear(venue.private_stream(mine)) as refused:
        assert isinstance(refused.end(), VenueDown)

    with Ear(venue.private_stream(mine)) as ear:
        ear.connected()
    assert run(venue.query(mine, named(resting()))) is not None


def test_a_socket_that_is_cut_ends_nobodys_login(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    for _ in range(2):
        with Ear(venue.private_stream(mine)) as ear:
            ear.connected()
            exchange.kill_sockets()
            ear.end()

    assert exchange.counts()["requests"]["POST /interactive/user/session"] == 1


def test_events_that_mean_nothing_here_are_passed_over(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    with Ear(venue.private_stream(mine)) as ear:
        ear.connected()
        exchange.tell("marketStatusUpdate", {"status": "open"})
        exchange.tell("order", "no object")
        run(venue.place(mine, order()))
        ear.fill(LONG_ID)


def test_a_logout_ends_the_stream(exchange: IiflSimulator, venue: Venue) -> None:
    mine = access(exchange.account())
    with Ear(venue.private_stream(mine)) as ear:
        ear.connected()
        exchange.tell("logout", {"LogoutType": "FORCED"})

        assert isinstance(ear.end(), VenueDown)

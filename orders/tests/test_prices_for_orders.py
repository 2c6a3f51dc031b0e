"""Paper orders in markets that nobody watches yet."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from markets.models import PriceWatch
from markets.prices import prices_read, prices_write
from markets.venues.base import PriceReport
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import MarketKind
from orders.services.pricing import prices_bring
from tests.factories import make_account, make_market

NOW_PRICE = Decimal(50_000)


@pytest.fixture
def paper(venue, write):
    """A written paper order at the fake venue."""
    return write(account=make_account(venue="fake"))


def priced(venue, seconds_ago=0):
    moment = timezone.now() - timedelta(seconds=seconds_ago)
    return PriceReport(make_market(venue="fake").symbol, MarketKind.USD_M, moment, last=NOW_PRICE)


def known():
    symbol = make_market(venue="fake").symbol
    return prices_read("fake", MarketKind.USD_M, [symbol]).get(symbol)


def test_a_price_that_nobody_brought_is_asked_for_and_watched_from_then_on(venue, paper):
    venue.prices_told = [priced(venue)]

    prices_bring([paper.pk])

    assert known().last == NOW_PRICE
    assert PriceWatch.objects.get().market == paper.market


def test_a_fresh_price_is_not_asked_for_again(venue, paper):
    prices_write("fake", [priced(venue)])

    prices_bring([paper.pk])

    assert venue.price_questions == 0


def test_a_stale_price_is_asked_for_anew(venue, paper):
    prices_write("fake", [priced(venue, seconds_ago=600)])

    prices_bring([paper.pk])

    assert venue.price_questions == 1


def test_live_orders_need_no_prices_of_ours(venue, write):
    prices_bring([write().pk])

    assert venue.price_questions == 0


def test_a_venue_that_does_not_tell_is_left_to_the_paper_books(venue, paper):
    venue.prices_told = VenueDown("Connection refused.")

    prices_bring([paper.pk])

    assert known() is None

"""What is no proof that an order is open at its venue, and orders that are somebody else's."""

from decimal import Decimal

import pytest
from django.utils import timezone
from msgspec.structs import replace

from markets.venues.errors import RateLimited, VenueDown
from markets.venues.vocabulary import Side
from orders.executor.findings import Source
from orders.models import Order
from orders.services import reopening
from orders.services.reports import reports_record
from orders.tests.conftest import make_live_account
from orders.tests.reopening_kit import compare, over, over_by_hand, rest, says
from tests.factories import make_market

D = Decimal


class TestOneAnswerIsNoProof:
    @pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED"])
    @pytest.mark.parametrize("state", ["CANCELED", "EXPIRED", "REJECTED"])
    def test_no_late_word_of_the_stream_reopens_an_order(self, account, resting, venue, state, status):
        order = over(resting, venue, state)
        late = replace(venue.orders[order.client_order_id], status=status)

        reports_record(account=account, orders=[late], fills=[], source=Source.STREAM)

        order.refresh_from_db()
        assert (order.state, order.events.filter(code="REOPENED").count()) == (state, 0)

    @pytest.mark.parametrize("second", ["CANCELED", "EXPIRED", "FILLED"])
    def test_an_order_that_only_the_list_has_open_stays_over(self, account, resting, venue, monkeypatch, second):
        order = over(resting, venue)
        says(venue, monkeypatch, replace(venue.orders[order.client_order_id], status=second, filled_quantity=D(1)))

        report = compare(account)

        order.refresh_from_db()
        assert order.state == ("FILLED" if second == "FILLED" else "CANCELED")
        assert report.differences[0]["outcome"] == "UNCONFIRMED"
        assert report.orders_repaired == 0

    @pytest.mark.parametrize(
        "answer", [None, VenueDown("Connection refused."), RateLimited("Later.", until=timezone.now())]
    )
    def test_an_order_that_cannot_be_asked_about_stays_over(self, account, resting, venue, monkeypatch, answer):
        order = over(resting, venue)
        says(venue, monkeypatch, answer)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"], report.error) == ("CANCELED", "UNCONFIRMED", "")

    def test_one_that_ended_just_now_is_told_and_waits_for_the_next_comparison(self, account, resting, venue):
        """Lists of open orders lag: that alone would bring back what was cancelled a moment ago."""
        order = over(resting, venue, seconds=1)
        asked = venue.questions

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"], venue.questions) == ("CANCELED", "WAITS", asked)

    def test_one_that_ended_while_the_list_was_made_is_no_difference(self, account, resting, venue):
        order = over(resting, venue, seconds=-5)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences) == ("CANCELED", [])

    def test_an_order_of_which_more_was_traded_than_the_venue_says_is_only_told(self, account, resting, venue):
        trade = venue.fill(resting.client_order_id, 2)
        reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)
        venue.trades.clear()
        venue.change(resting.client_order_id, filled_quantity=D(1), status="PARTIALLY_FILLED")
        order = over(resting, venue, "FILLED", filled_quantity=D(2))

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, order.filled_quantity, order.booked_quantity) == ("FILLED", 2, 2)
        (told,) = (each for each in report.differences if "outcome" in each)
        assert (told["outcome"], told["filled_here"], told["filled_at_venue"]) == ("TRADES_DENY", "2", "1")

    def test_too_many_at_once_are_asked_about_bit_by_bit(self, account, write, venue, monkeypatch):
        monkeypatch.setattr(reopening, "MOST_QUESTIONS", 2)
        orders = [over(rest(write), venue) for _ in range(3)]

        outcomes = [[each["outcome"] for each in compare(account).differences] for _ in range(2)]

        assert outcomes == [["REOPENED", "REOPENED", "WAITS"], ["REOPENED"]]
        assert set(Order.objects.filter(pk__in=[order.pk for order in orders]).values_list("state")) == {("NEW",)}


class TestOrdersOfOthers:
    def test_another_order_under_the_same_client_order_id_is_only_told(self, account, resting, venue):
        """A refused order has no number."""
        order = over(resting, venue, "REJECTED")
        Order.objects.update(venue_order_id="")
        venue.change(order.client_order_id, side=Side.SELL)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("REJECTED", "OTHER_ORDER")

    @pytest.mark.parametrize(("ours", "theirs"), [("algo:7", "algo:9"), ("8", "algo:9")])
    def test_a_stop_under_the_client_order_id_of_an_older_one_is_another_order(
        self, account, write, venue, ours, theirs
    ):
        order = rest(write, type="STOP_MARKET", stop_price=D(60_000))
        over(order, venue)
        Order.objects.update(venue_order_id=ours)
        venue.change(order.client_order_id, venue_order_id=theirs)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("CANCELED", "OTHER_ORDER")

    def test_a_second_answer_about_another_number_proves_nothing(self, account, resting, venue, monkeypatch):
        order = over(resting, venue)
        says(venue, monkeypatch, replace(venue.orders[order.client_order_id], venue_order_id="9999"))

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("CANCELED", "UNCONFIRMED")

    def test_the_same_number_in_another_market_is_another_order(self, account, write, resting, venue):
        other = rest(write, market=make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH"))
        Order.objects.filter(pk=other.pk).update(venue_order_id=resting.venue_order_id)
        over_by_hand(other)
        venue.orders.pop(other.client_order_id)

        report = compare(account)

        other.refresh_from_db()
        assert (other.state, report.differences) == ("CANCELED", [])

    def test_an_order_of_another_account_is_left_alone(self, account, resting, venue):
        foreign = make_live_account()
        order = over(resting, venue)

        compare(foreign)

        order.refresh_from_db()
        assert order.state == "CANCELED"

"""A poll that fails forgets nothing: what differs twice is repaired, however often the venue is away in between."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from markets.venues.errors import VenueDown
from orders.models import Fill, Holding, Reconciliation
from orders.services import reconcile
from orders.services.reconcile import account_poll
from orders.tests.test_reconciling import at_the_venue

pytestmark = pytest.mark.django_db(transaction=True)


def poll_a_minute_later(account) -> Reconciliation:
    account.refresh_from_db()
    record = account_poll(account=account)
    minute = timedelta(seconds=60)
    Reconciliation.objects.update(started_at=F("started_at") - minute, finished_at=F("finished_at") - minute)
    Fill.objects.update(stored_at=timezone.now() - timedelta(minutes=10))
    return record


def test_what_differs_is_repaired_though_the_venue_is_away_in_between(account, resting, venue, monkeypatch):
    def is_away(*_):
        raise VenueDown("The exchange does not answer.")

    at_the_venue(venue, resting.market.symbol, 3)
    for _ in range(4):
        poll_a_minute_later(account)
        with monkeypatch.context() as patch:
            patch.setattr(reconcile, "_look", is_away)
            assert poll_a_minute_later(account).error

    assert Holding.objects.get().quantity == 3


def test_of_polls_without_news_only_the_last_is_kept(account, resting, monkeypatch):
    for _ in range(3):
        poll_a_minute_later(account)

    assert Reconciliation.objects.count() == 1

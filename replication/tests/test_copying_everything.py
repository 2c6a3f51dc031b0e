"""Long histories by chance: whatever leaders, followers, staff, venues and workers do, the books agree in the end."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db.models import Sum

from markets.venues import registry
from orders.models import Fill, Holding, Order
from orders.services.rebuild import holdings_rebuild
from orders.states import FINAL
from orders.tests.conftest import venue  # noqa: F401  (a fixture)
from replication.models import CopyAdjustment, CopyIntent, CopyPosition, Signal
from replication.services.rebuild import copies_rebuild
from replication.tests.everything_kit import Everything
from replication.tests.unruly_venue import UnrulyVenue, unruly_venue
from replication.vocabulary import UNDER_WAY

pytestmark = [pytest.mark.django_db(transaction=True)]
STEPS = 40


@pytest.fixture
def unruly(venue) -> Iterator[UnrulyVenue]:  # noqa: F811
    yield unruly_venue()
    registry.adapters_close()


@pytest.mark.parametrize("seed", [14])
def test_whatever_happens_the_books_agree_and_flat_leaders_have_flat_followers(unruly, seed):
    world = Everything(unruly, seed)
    for _ in range(STEPS):
        world.happens()
        on_their_side()
    world.settle()
    all_over(unruly)
    books_agree()

    world.go_flat()
    world.settle()

    all_over(unruly)
    books_agree()
    assert not CopyPosition.objects.exclude(quantity=0).exclude(copy__state="ended").exists()


def on_their_side() -> None:
    positions = CopyPosition.objects.all()
    assert not positions.filter(side="LONG", quantity__lt=0).exists()
    assert not positions.filter(side="SHORT", quantity__gt=0).exists()


def all_over(unruly: UnrulyVenue) -> None:
    """Every order was placed once; every decision is final, and says why where nothing came of it."""
    assert set(unruly.placements.values()) <= {1}
    assert not Order.objects.exclude(state__in=FINAL).exists()
    assert not Signal.objects.exclude(state="done").exists()
    for intent in CopyIntent.objects.all():
        assert intent.state not in UNDER_WAY, intent.message
        assert intent.filled_quantity == filled(order__cause_id=intent.pk)
        assert intent.state in {"filled", "partial"} or (intent.code and intent.message and not intent.filled_quantity)


def books_agree() -> None:
    assert not CopyAdjustment.objects.exists(), "nobody has closed anything by hand"
    for position in CopyPosition.objects.all():
        decisions = CopyIntent.objects.filter(copy=position.copy_id, market=position.market_id, side=position.side)
        trades = {"order__cause_id__in": list(decisions.values_list("pk", flat=True))}
        assert position.quantity == filled(side="BUY", **trades) - filled(side="SELL", **trades)
    for holding in Holding.objects.all():
        which = {"account": holding.account_id, "position_side": holding.side}
        assert holding.quantity == filled(side="BUY", **which) - filled(side="SELL", **which)
    wrong = copies_rebuild()
    assert (wrong.positions, wrong.days, holdings_rebuild()) == ([], [], [])


def filled(**which: object) -> Decimal:
    return Fill.objects.filter(**which).aggregate(sum=Sum("quantity"))["sum"] or Decimal(0)

"""Somebody becomes a master while one of their accounts begins to copy: no account does both."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from copytrade.accounts.models import Role
from orders.models import TradingAccount
from replication.models import Copy, LeaderAccount
from replication.services.people import person_lead
from replication.services.refusing import CopyConflict
from replication.tests.kit import VENUE, follow, make_master, paper_account
from tests.beside import beside, until_somebody_waits
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_paper(settings: Any) -> None:
    settings.PAPER_VENUE, settings.PAPER_BALANCE = VENUE, Decimal(10_000)


@pytest.fixture
def account() -> TradingAccount:
    """The only account of a follower."""
    return paper_account(make_user(role=Role.FOLLOWER))


def test_what_begins_to_copy_does_not_lead(account, pool):
    leader, _ = make_master()
    with transaction.atomic():
        follow(leader, account)
        leading = beside(pool, lambda: person_lead(user=account.user))
        until_somebody_waits()
    leading.result(20)

    led = LeaderAccount.objects.get(trader__user=account.user).account
    assert (led.user, led.name) == (account.user, "Paper")
    assert Copy.objects.get().account == account != led


def test_what_begins_to_lead_copies_nobody(account, pool):
    leader, _ = make_master()
    with transaction.atomic():
        person_lead(user=account.user)
        copying = beside(pool, lambda: follow(leader, account))
        until_somebody_waits()

    with pytest.raises(CopyConflict, match="copies nobody"):
        copying.result(20)
    assert LeaderAccount.objects.get(trader__user=account.user).account == account

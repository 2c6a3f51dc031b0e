"""The first copy of a leader begins while somebody locks many accounts: the two never wait for each other."""

import pytest
from django.db import transaction

from orders.services.accounts import account_lock
from replication.tests.kit import follow, make_master, paper_account
from tests.beside import beside, until_somebody_waits

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_it_locks_accounts_in_their_order(pool):
    leader, account = make_master()
    later = paper_account()
    with transaction.atomic():
        account_lock(account)
        beginning = beside(pool, lambda: follow(leader, later))
        until_somebody_waits()
        account_lock(later)

    assert beginning.result(20).account == later

"""A venue's refusal of a key stops the account that it is of, not one whose owner has saved another key meanwhile."""

import pytest
from django.utils import timezone

from markets.venues.errors import AuthFailed
from orders.executor.claiming import Claimed, orders_claim
from orders.executor.findings import Finding, Source
from orders.models import AccountState, Credential, Order
from orders.services.recording import findings_record

pytestmark = pytest.mark.django_db

REFUSED = AuthFailed("Invalid API-key, IP, or permissions for action.", code="-2015")


@pytest.fixture
def taken(write) -> Claimed:
    """An order that was taken for sending, with the key that the account has then."""
    (claimed,) = orders_claim([write().pk]).allowed
    return claimed


def refuse(taken: Claimed) -> None:
    """Let the order leave now, and its key be refused."""
    now = timezone.now()
    findings_record([Finding(taken.order_id, Source.REPLY, now, error=REFUSED, sent_at=now, attempt=taken.attempt)])


def save_another_key(account) -> None:
    Credential.objects.filter(account=account).update(updated_at=timezone.now())


def test_the_account_stops_where_its_key_is_the_one_that_was_refused(account, taken):
    refuse(taken)

    account.refresh_from_db()
    assert (account.state, account.state_reason) == (AccountState.AUTH_FAILED, REFUSED.message)


def test_an_account_without_a_key_stops_as_well(account, taken):
    Credential.objects.all().delete()
    refuse(taken)

    account.refresh_from_db()
    assert account.state == AccountState.AUTH_FAILED


def test_the_account_goes_on_where_another_key_was_saved_before_the_order_left(account, taken):
    save_another_key(account)
    refuse(taken)

    account.refresh_from_db()
    assert (account.state, account.state_reason) == (AccountState.ACTIVE, "")
    assert Order.objects.get().state == "FAILED"


def test_the_next_refusal_is_of_the_new_key(account, taken, write):
    save_another_key(account)
    refuse(taken)
    (again,) = orders_claim([write().pk]).allowed
    refuse(again)

    account.refresh_from_db()
    assert account.state == AccountState.AUTH_FAILED


def test_one_that_its_owner_has_paused_stays_paused(account, taken):
    account.state, account.state_reason = AccountState.PAUSED, "Paused by its owner"
    account.save()
    refuse(taken)

    account.refresh_from_db()
    assert (account.state, account.state_reason) == (AccountState.PAUSED, "Paused by its owner")

"""Background work on accounts; `orders.tasks` makes it known to Celery."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from orders.models import AccountState, TradingAccount
from orders.services.sync import accounts_sync

SYNC_EVERY = timedelta(seconds=50)  # the schedule's minute, less what a run takes
BATCH = 200


@shared_task(name="orders.sync_accounts")
def sync_accounts() -> None:
    """Ask the venues of all accounts that trade, or are paused, what they have, where that is older than a minute.

    An account whose key was refused is left alone until its owner mends that. Safe to run twice.
    """
    old = Q(synced_at=None) | Q(synced_at__lt=timezone.now() - SYNC_EVERY)
    due = TradingAccount.objects.filter(old, state__in=[AccountState.ACTIVE, AccountState.PAUSED]).order_by("pk")
    last = 0
    while batch := list(due.filter(pk__gt=last)[:BATCH]):
        accounts_sync(accounts=batch)
        last = batch[-1].pk

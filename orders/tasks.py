"""Background work: tasks only wake the executor up, the rows say what is to be done."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Max, Q
from django.utils import timezone

from markets.venues.registry import venues
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute_due
from orders.models import AccountState, TradingAccount
from orders.services.reconcile import account_reconcile
from orders.tasks_accounts import sync_accounts

__all__ = ["reconcile", "sweep", "sync_accounts"]

MOST_ROUNDS = 20
RECONCILE_EVERY = timedelta(minutes=5)
MOST_ACCOUNTS = 100


@shared_task(name="orders.sweep")
def sweep() -> None:
    """Send what waits, and ask the venues about what is in doubt, open or incomplete."""
    for _ in range(MOST_ROUNDS):
        if not orders_execute_due():
            break
    for _ in range(MOST_ROUNDS):
        if not orders_check():
            break


@shared_task(name="orders.reconcile")
def reconcile() -> None:
    """Compare accounts with their venues, those first that were not compared for the longest time.

    After a stop of the whole installation every account is due, so this is the comparison at start as well.
    """
    long_ago = timezone.now() - RECONCILE_EVERY
    trading = TradingAccount.objects.filter(state=AccountState.ACTIVE, venue__in=list(venues()), orders__isnull=False)
    compared = trading.annotate(compared_at=Max("reconciliations__started_at"))
    due = compared.filter(Q(compared_at=None) | Q(compared_at__lt=long_ago))
    for account in due.order_by("compared_at")[:MOST_ACCOUNTS]:
        account_reconcile(account=account, trigger="schedule")

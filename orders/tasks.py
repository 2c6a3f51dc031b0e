"""Background work: tasks only wake the executor up, the rows say what is to be done."""

import time
from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.db.models import F, Max, Q
from django.utils import timezone

from markets.venues.registry import venues
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute_due
from orders.models import AccountState, Mode, TradingAccount
from orders.services.liquidations import liquidations_find
from orders.services.reconcile import account_reconcile
from orders.tasks_accounts import sync_accounts

__all__ = ["liquidations", "reconcile", "sweep", "sync_accounts"]

MOST_ROUNDS = 20
RECONCILE_EVERY = timedelta(minutes=5)
MOST_ACCOUNTS = 100
SECONDS_A_RUN = 120.0


@shared_task(name="orders.sweep")
def sweep() -> None:
    """Send what waits, and ask the venues about what is in doubt, open or incomplete."""
    for _ in range(MOST_ROUNDS):
        if not orders_execute_due():
            break
    for _ in range(MOST_ROUNDS):
        if not orders_check():
            break


@shared_task(name="orders.liquidations")
def liquidations() -> None:
    """Compare the paper accounts that were liquidated with their books, before others go on copying them."""
    liquidations_find()


@shared_task(name="orders.reconcile")
def reconcile() -> None:
    """Compare accounts with their venues: those first that lead, and that were not compared for the longest time.

    Those that lead and have no stream are compared far more often (`orders.watching`), and are not due here meanwhile.
    After a stop of the whole installation every account is due, so this is the comparison at start as well.
    """
    long_ago = timezone.now() - RECONCILE_EVERY
    open_accounts = TradingAccount.objects.exclude(state=AccountState.CLOSED).filter(venue__in=list(venues()))
    used = open_accounts.filter(Q(orders__isnull=False) | Q(mode=Mode.LIVE, credential__isnull=False))
    compared = used.annotate(compared_at=Max("reconciliations__started_at"))
    due = compared.filter(Q(compared_at=None) | Q(compared_at__lt=long_ago))
    ended = time.monotonic() + SECONDS_A_RUN
    for account in due.order_by("-is_led", F("compared_at").asc(nulls_first=True))[:MOST_ACCOUNTS]:
        with suppress(Exception):  # it is in the log and in the account's record, and must not stop the others
            account_reconcile(account=account, trigger="schedule")
        if time.monotonic() > ended:
            return

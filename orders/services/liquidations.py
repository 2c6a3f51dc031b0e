"""Paper accounts that were liquidated are compared with their books soon: others may copy them."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.utils import timezone

from copytrade.lib.locks import lock_if_free
from markets.venues.paper.liquidations import liquidated_since
from orders.models import AccountState, Mode, TradingAccount
from orders.services.reconcile import account_reconcile

# What is older has been found by the comparison that every account has from time to time.
RECENT = timedelta(minutes=10)
# A comparison that began just after it may have read the books before it was stored.
STORED_WITHIN = timedelta(seconds=2)
# What went wrong is tried again, but not all the time.
AGAIN_AFTER = timedelta(seconds=30)
SECONDS_A_RUN = 60.0
TRIGGER = "liquidation"


def liquidations_find() -> int:
    """Compare the accounts whose liquidation nobody was told of yet, those first that lead; return how many.

    Must not run in a transaction; one caller at a time does so. What is not reached in a minute is left for the next
    one. A live account's venue tells of it by itself, or is polled.
    """
    if not (liquidated := liquidated_since(timezone.now() - RECENT)):
        return 0
    with lock_if_free("orders.liquidations") as free:
        return _compare(_due(liquidated)) if free else 0


def _due(liquidated: Mapping[str, datetime]) -> list[TradingAccount]:
    accounts = TradingAccount.objects.filter(mode=Mode.PAPER, key__in=liquidated).exclude(state=AccountState.CLOSED)
    compared = accounts.annotate(
        compared_at=Max("reconciliations__started_at", filter=Q(reconciliations__error="")),
        failed_at=Max("reconciliations__started_at", filter=~Q(reconciliations__error="")),
    )
    until, again = {key: at + STORED_WITHIN for key, at in liquidated.items()}, timezone.now() - AGAIN_AFTER
    return [
        one
        for one in compared.order_by("-is_led", "pk")
        if (one.compared_at is None or one.compared_at <= until[str(one.key)])
        and (one.failed_at is None or one.failed_at <= again)
    ]


def _compare(accounts: list[TradingAccount]) -> int:
    ended = time.monotonic() + SECONDS_A_RUN
    for count, account in enumerate(accounts, start=1):
        with suppress(Exception):  # it is in the log and in the account's record, and must not stop the others
            account_reconcile(account=account, trigger=TRIGGER)
        if time.monotonic() > ended:
            return count
    return len(accounts)

"""Paper accounts that were liquidated are compared with their books soon: others may copy them."""

from contextlib import suppress
from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from markets.venues.paper.liquidations import liquidated_since
from orders.models import AccountState, Mode, TradingAccount
from orders.services.reconcile import account_reconcile

# What is older has been found by the comparison that every account has from time to time.
RECENT = timedelta(minutes=10)
# A comparison that began just after it may have read the books before it was stored.
STORED_WITHIN = timedelta(seconds=2)
TRIGGER = "liquidation"


def liquidations_find() -> int:
    """Compare the accounts whose liquidation nobody was told of yet; return how many.

    Must not run in a transaction. A live account's venue tells of it by itself, or is polled.
    """
    if not (liquidated := liquidated_since(timezone.now() - RECENT)):
        return 0
    accounts = TradingAccount.objects.filter(mode=Mode.PAPER, key__in=liquidated).exclude(state=AccountState.CLOSED)
    compared = accounts.annotate(compared_at=Max("reconciliations__started_at")).order_by("-is_led", "pk")
    until = {key: at + STORED_WITHIN for key, at in liquidated.items()}
    due = [one for one in compared if one.compared_at is None or one.compared_at <= until[str(one.key)]]
    for account in due:
        with suppress(Exception):  # it is in the log and in the account's record, and must not stop the others
            account_reconcile(account=account, trigger=TRIGGER)
    return len(due)

"""Accounts that are closed, and the copies on them."""

from orders.models import TradingAccount
from orders.services.accounts import AccountConflict
from replication.models import Copy
from replication.vocabulary import CopyState


def copies_keep_open(account: TradingAccount) -> None:
    """Refuse to close an account on which copies run: what they hold could never be closed, nor could they end."""
    running = Copy.objects.filter(account=account).exclude(state=CopyState.ENDED).count()
    if running:
        runs = (
            "1 copy runs on this account: stop it"
            if running == 1
            else f"{running} copies run on this account: stop them"
        )
        raise AccountConflict(f"{runs} first, then close it.", details={"copies": running})

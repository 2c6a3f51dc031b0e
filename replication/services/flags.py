"""The marks by which those below know whose trades copies wait for."""

from django.db.models import Exists, OuterRef

from orders.models import TradingAccount
from replication.models import Copy, LeaderAccount
from replication.vocabulary import CopyState
from traders.models import LeadTrader


def leader_marks_set(*, trader_id: int) -> None:
    """Mark a leader, and the accounts that lead, as copied or not, as the copies say now. Needs a transaction."""
    live = Copy.objects.exclude(state=CopyState.ENDED)
    LeadTrader.objects.filter(pk=trader_id).update(is_copied=Exists(live.filter(trader=OuterRef("pk"))))
    led = TradingAccount.objects.filter(pk__in=LeaderAccount.objects.filter(trader=trader_id).values("account"))
    led.update(is_led=live.filter(trader=trader_id).exists())

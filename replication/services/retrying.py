"""Trying a copied trade again that failed, or does not succeed so far, because a person asks for it."""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from copytrade.realtime.services import messages_publish
from orders.models import Order, TradingAccount
from orders.states import FINAL
from replication.engine.planning import intents_replan
from replication.engine.running import chunk_execute
from replication.models import CopyIntent, Signal
from replication.services.messages import intent_messages
from replication.services.refusing import CopyConflict
from replication.vocabulary import Action, CopyState, IntentState, SignalSource, SignalState


def decision_retry(*, intent: CopyIntent, actor: User) -> CopyIntent:
    """Decide anew about a leader's trade that failed to be copied, by what holds now, and send its orders at once.

    The age of the trade does not count, since a person asks for it; all other checks and limits do. An exit that did
    not succeed and waits for its next attempt has it now. What has not failed, or belongs to a copy that has ended, is
    `CopyConflict`: of two clicks one is carried out. So is an entry that would be skipped now: it stays failed, with
    the venue's words, and can be tried once more. Must not run inside a transaction: it waits for the venue.
    """
    with transaction.atomic():
        order_ids = _plan(intent.pk, actor)
    chunk_execute(order_ids)
    return CopyIntent.objects.select_related("signal", "market", "copy__trader", "copy__account").get(pk=intent.pk)


def _plan(pk: int, actor: User) -> list[int]:
    account = TradingAccount.objects.filter(copies__intents=pk)  # first, as whoever plans for the copy or stops it
    account.select_for_update(no_key=True, of=("self",)).get()
    intent = CopyIntent.objects.select_for_update(no_key=True, of=("self",)).select_related("copy", "signal").get(pk=pk)
    _refuse(intent)
    if intent.state == IntentState.FAILED:  # of what waits, the next attempt is counted already
        intent.attempts += 1
    intent.updated_at = timezone.now()
    intent.save(update_fields=["attempts", "updated_at"])
    signal = Signal.objects.select_related("trader", "order__market").get(pk=intent.signal_id)
    planned = intents_replan(signal=signal, copy_ids=[intent.copy_id])
    _refuse_skipped(pk)
    Signal.objects.filter(pk=signal.pk, state=SignalState.DONE).update(state=SignalState.PLANNED, finished_at=None)
    audit_record(actor=actor, action="decision.retry", target=f"decision:{pk}", changes={"attempts": intent.attempts})
    messages_publish(intent_messages([pk]))
    return list(planned.waiting)


def _refuse(intent: CopyIntent) -> None:
    if intent.state != IntentState.FAILED and not _is_failing(intent):
        raise CopyConflict(f"Only what has failed can be tried again; this is {intent.state}.")
    if Order.objects.filter(cause_id=intent.pk).exclude(state__in=list(FINAL)).exists():
        raise CopyConflict("The venue has an order of this after all: nothing is sent before that is over.")
    if not intent.exits and _is_closed_since(intent):
        raise CopyConflict("The leader has closed this position since: opening it now would follow nobody.")
    if intent.copy.state == CopyState.ENDED:
        raise CopyConflict("This copy has ended: its trades are not tried again.")


def _refuse_skipped(pk: int) -> None:
    """Raise, which takes the new decision back, where nothing would be ordered; of an exit nothing is held any more."""
    now = CopyIntent.objects.get(pk=pk)
    if now.state == IntentState.SKIPPED and not now.exits:
        raise CopyConflict(f"It is not tried again, since it would be skipped now ({now.code}): {now.message}")


def _is_failing(intent: CopyIntent) -> bool:
    """Whether it is an exit that was tried before, and waits for nothing but its next attempt."""
    return intent.state == IntentState.WAITING and intent.exits and intent.attempts > 1


def _is_closed_since(intent: CopyIntent) -> bool:
    signal = intent.signal
    later = Signal.objects.filter(trader=signal.trader_id, symbol=signal.symbol, side=signal.side, pk__gt=signal.pk)
    everybodys = Q(copy=None) | Q(source=SignalSource.FLAT)  # of a leader seen flat each copy is told for itself
    return later.filter(everybodys, action=Action.CLOSE).exists()

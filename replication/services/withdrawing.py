"""Taking back what was ordered for a copy and has not been sent, where the copy is paused or ends."""

from django.db import transaction

from copytrade.lib.sql import numbers, run
from copytrade.lib.wake import wake_on_commit
from copytrade.realtime.services import messages_publish
from orders.models import TradingAccount
from orders.services.cancelling import orders_withdraw
from replication.engine.blocks import leader_block
from replication.models import Copy
from replication.services.messages import intent_messages
from replication.vocabulary import Reason

UNSENT = """
    SELECT o.id FROM replication_copyintent i JOIN orders_order o ON o.cause_id = i.id
    WHERE i.copy_id = %(copy)s AND i.state = 'planned' AND (%(exits)s OR NOT i.exits)
        AND o.state IN ('PENDING', 'SENDING', 'UNKNOWN')
"""
# What is under way besides is judged when it comes back. Locked in the order in which those lock who record that.
NOT_DONE = """
    UPDATE replication_copyintent SET code = %(code)s, message = %(message)s, finished_at = statement_timestamp(),
        updated_at = statement_timestamp(), state = CASE WHEN filled_quantity > 0 THEN 'partial' ELSE 'skipped' END
    WHERE id IN (
        SELECT i.id FROM replication_copyintent i WHERE i.state = 'planned'
            AND i.id IN (SELECT cause_id FROM orders_order WHERE id = ANY(%(orders)s))
            AND NOT EXISTS (
                SELECT FROM orders_order o WHERE o.cause_id = i.id AND (
                    o.state NOT IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED')
                    OR o.filled_quantity > o.booked_quantity))
        ORDER BY i.id FOR NO KEY UPDATE)
    RETURNING id
"""
OF_PAUSED_LEADERS = """
    SELECT DISTINCT c.id, c.account_id FROM orders_order o JOIN replication_copyintent i ON i.id = o.cause_id
    JOIN replication_copy c ON c.id = i.copy_id JOIN traders_leadtrader t ON t.id = c.trader_id
    WHERE o.state = 'PENDING' AND NOT i.exits AND t.status NOT IN ('approved', 'featured')
"""


def orders_take_back(*, copy: Copy, code: Reason, message: str, exits: bool = False) -> None:
    """Let nothing be sent any more of what was ordered for a copy whose account is locked; exits only where told so.

    What may have reached the venue comes as it comes, but is not sent again.
    """
    unsent = [pk for (pk,) in run(UNSENT, {"copy": copy.pk, "exits": exits})]
    withdrawn = orders_withdraw(order_ids=unsent) if unsent else []
    if withdrawn:
        ended = run(NOT_DONE, {"orders": numbers(withdrawn), "code": code, "message": message})
        messages_publish(intent_messages([pk for (pk,) in ended]))
        wake_on_commit("replication.sweep")  # for what waited behind these


def paused_leaders_take_back() -> None:
    """Let nothing be opened any more that a leader opened whom staff have paused since. Safe to repeat."""
    for copy_id, account_id in run(OF_PAUSED_LEADERS):
        with transaction.atomic():
            TradingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
            copy = Copy.objects.select_related("trader").get(pk=copy_id)
            if block := leader_block(copy.trader.status):
                orders_take_back(copy=copy, code=block.code, message=block.message)

"""Watching over what copies hold: the peak of each, and its end where it falls too far below it."""

import logging
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.sql import json_rows, run
from copytrade.lib.wire import plain_digits
from copytrade.realtime.messages import Message, private_stream
from copytrade.realtime.services import messages_publish
from markets.services.watch import price_watch_want
from orders.models import TradingAccount
from replication.models import Copy, CopyPosition
from replication.selectors.values import CopyValue, copy_values, money_asset
from replication.services.copies import copy_stop
from replication.services.stopping import stopping_continue
from replication.telling import CENT, money_told, told
from replication.vocabulary import CopyState

logger = logging.getLogger(__name__)

BATCH = 1_000
# Few, since their positions are locked while it is counted what they came to.
TOLD_AT_ONCE = 250
GUARDED = (CopyState.ACTIVE, CopyState.PAUSED)
RAISE_PEAKS = """
    UPDATE replication_copy c SET peak_value = n.value
    FROM json_to_recordset(%s) AS n(id bigint, value numeric, base numeric)
    WHERE c.id = n.id AND (c.peak_value IS NULL OR c.peak_value < n.value) AND c.base_value = n.base
"""
# An account may tell what it is worth only after copies have begun on it.
LEARN_BASES = """
    UPDATE replication_copy c SET base_value = a.equity, peak_value = a.equity FROM orders_tradingaccount a
    WHERE a.id = c.account_id AND c.state IN ('active', 'paused') AND c.base_value IS NULL AND a.equity IS NOT NULL
"""
# In the transaction that tells it, so that it is told once, however many look and whenever one dies.
TAKE_CLOSED = """
    UPDATE replication_copyposition SET to_tell = false WHERE id IN (
        SELECT id FROM replication_copyposition WHERE to_tell ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING copy_id
"""


def copies_protect() -> int:
    """Look at all copies that hold something: raise peaks, tell results, stop those that fell too far; return how many.

    What a copy came to is told once more when it holds nothing any more. One without fresh prices is left as it is:
    nobody knows what it is worth. Safe to repeat.
    """
    price_watch_want(CopyPosition.objects.exclude(quantity=0).values_list("market_id", flat=True).distinct())
    run(LEARN_BASES)
    stopped, after = 0, 0
    while batch := list(_holding(after)):
        stopped += _look(batch)
        after = batch[-1].pk
    while _closed_tell():
        pass
    stopping_continue()
    return stopped


def _holding(after: int) -> "QuerySet[Copy]":
    held = CopyPosition.objects.filter(copy=OuterRef("pk")).exclude(quantity=0)
    guarded = Q(max_drawdown_percent__isnull=False)
    rows = Copy.objects.filter(Exists(held) | guarded, state__in=GUARDED, pk__gt=after)
    return rows.select_related("account", "trader").order_by("pk")[:BATCH]


def _look(batch: Sequence[Copy]) -> int:
    values = copy_values(batch)
    known = [(copy, value) for copy in batch if (value := values[copy.pk]).value is not None]
    run(RAISE_PEAKS, [json_rows([{"id": copy.pk, "value": value.value, "base": value.base} for copy, value in known])])
    messages_publish([_result_message(copy, value) for copy, value in known if value.open_positions])
    fallen = [(copy, value, fall) for copy, value in known if (fall := fall_percent(copy, value)) is not None]
    return sum(_stop_apart(copy, value, fall) for copy, value, fall in fallen)


@transaction.atomic
def _closed_tell() -> bool:
    """Tell what some of those that were closed came to; return whether there may be more."""
    taken = [copy_id for (copy_id,) in run(TAKE_CLOSED, [TOLD_AT_ONCE])]
    if not taken:
        return False
    copies = Copy.objects.filter(pk__in=taken).select_related("account").order_by("pk")
    values = copy_values(copies)
    over = [(copy, values[copy.pk]) for copy in copies if not values[copy.pk].open_positions]
    messages_publish([_result_message(copy, value) for copy, value in over if value.value is not None])
    return True


def _stop_apart(copy: Copy, value: CopyValue, fall: Decimal) -> bool:
    """One that cannot be stopped must not keep the others from it."""
    try:
        return _stop(copy, value, fall)
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("Copy %s fell too far and cannot be stopped", copy.pk)
        return False


def fall_percent(copy: Copy, value: CopyValue) -> Decimal | None:
    """Return by how much a copy is below its peak, None unless that is as much as it may be or more."""
    now, limit = value.value, copy.max_drawdown_percent
    if now is None or limit is None:
        return None
    peak = max(copy.peak_value or now, now)
    if peak <= 0:
        return None
    fall = (peak - now) / peak * 100
    return fall if fall >= limit else None


@transaction.atomic
def _stop(copy: Copy, value: CopyValue, fall: Decimal) -> bool:
    TradingAccount.objects.select_for_update(no_key=True).get(pk=copy.account_id)  # whoever moves its funds holds it
    same = {"base_value": value.base, "max_drawdown_percent": copy.max_drawdown_percent}
    if not Copy.objects.filter(pk=copy.pk, state__in=GUARDED, **same).exists():
        return False  # its funds or its limit were changed meanwhile, or it ended: the next look counts anew
    worth, asset = value.value or Decimal(0), _asset(copy)
    peak, most = max(copy.peak_value or worth, worth), copy.max_drawdown_percent or Decimal(0)
    reason = (
        f"It fell by {told(fall.quantize(CENT))} % from its peak of {money_told(peak, asset)}, "
        f"to {money_told(worth, asset)}; {told(most)} % is the most that it may: all is closed."
    )
    copy_stop(copy=copy, close=True, actor=None, reason=reason)
    data = {"copyId": copy.pk, "traderId": copy.trader_id, "drawdownPercent": plain_digits(fall)}
    data |= {"value": plain_digits(worth.quantize(CENT)), "asset": asset or None}
    stream = (private_stream(copy.account.user_id),)
    messages_publish(
        [
            Message("risk:drawdown", data, stream),
            Message("risk:alert", data | {"code": "MAX_DRAWDOWN", "message": reason}, stream),
        ]
    )
    return True


def _result_message(copy: Copy, value: CopyValue) -> Message:
    data = {
        "copyId": copy.pk,
        "traderId": copy.trader_id,
        "realizedPnl": plain_digits(value.realized_pnl),
        "fees": plain_digits(value.fees),
        "unrealizedPnl": plain_digits(value.unrealized_pnl or Decimal(0)),
        "value": plain_digits(value.value or Decimal(0)),
        "asset": _asset(copy) or None,
        "openPositions": value.open_positions,
    }
    return Message("pnl:updated", data, (private_stream(copy.account.user_id),), replaces=f"pnl:{copy.pk}")


def _asset(copy: Copy) -> str:
    return money_asset(copy.account.venue, copy.account.equity_asset)

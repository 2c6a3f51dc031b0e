"""Holdings counted anew from the facts, to show that counting as we go comes to the same."""

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import run, update_rows
from markets.models import Market
from orders.accounting import book_all
from orders.services.booking import (
    HOLDING_COLUMNS,
    HoldingKey,
    facts_of,
    holding_row,
    holdings_lock,
    position_of,
    terms_of,
)


@transaction.atomic
def holdings_rebuild(*, account_id: int | None = None) -> list[HoldingKey]:
    """Count the holdings of one account, or of all, from fills and adjustments; return those that were different."""
    keys = _keys(account_id)
    holdings, facts = holdings_lock(keys), facts_of(keys)
    markets = {market.pk: market for market in Market.objects.filter(pk__in={key.market_id for key in keys})}
    now, wrong, rows = timezone.now(), [], []
    for key, holding in holdings.items():
        position = book_all(terms_of(markets[key.market_id]), facts[key])
        if position != position_of(holding):
            wrong.append(key)
            rows.append(holding_row(holding.pk, position, facts[key], now))
    update_rows("orders_holding", HOLDING_COLUMNS, rows)
    return wrong


def _keys(account_id: int | None) -> list[HoldingKey]:
    mine = "WHERE %(account)s::bigint IS NULL OR account_id = %(account)s"
    rows = run(
        f"SELECT account_id, market_id, position_side FROM orders_fill {mine} "
        f"UNION SELECT account_id, market_id, side FROM orders_holdingadjustment {mine} "
        f"UNION SELECT account_id, market_id, side FROM orders_holding {mine}",
        {"account": account_id},
    )
    return [HoldingKey(*row) for row in rows]

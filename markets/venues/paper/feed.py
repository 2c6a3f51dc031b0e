"""What the price feed calls: changed prices fill resting paper orders, fire stops, and end accounts without margin."""

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import json_rows, run
from markets.venues.base import PriceReport
from markets.venues.paper import matching, pricing
from markets.venues.paper.facts import MarketKey, Order
from markets.venues.paper.rows import Account, Changes, accounts_read, changes_write, orders_read, positions_read
from markets.venues.paper.scene import FeedPrices, Prices, Scene, marks_of, prices_of, scene_of
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import CONDITIONAL_TYPES, MarketKind, Side, VenueStatus

ACCOUNTS_AT_ONCE = 200  # in one transaction
OPEN = [VenueStatus.NEW.value, VenueStatus.PARTIALLY_FILLED.value]

REACHED = """
    SELECT DISTINCT orders.account_id
    FROM json_to_recordset(%(prices)s) AS now (
        kind text, symbol text, buyer numeric, seller numeric, last numeric, mark numeric
    )
    JOIN markets_paperorder orders ON orders.venue = %(venue)s AND orders.kind = now.kind AND orders.symbol = now.symbol
        AND orders.status IN ('NEW', 'PARTIALLY_FILLED')
    CROSS JOIN LATERAL (
        SELECT CASE orders.working_type WHEN 'MARK_PRICE' THEN now.mark ELSE now.last END AS price
    ) AS trigger
    WHERE CASE
        WHEN orders.type = ANY(%(conditional)s) AND NOT orders.triggered THEN
            CASE WHEN (orders.type = ANY(%(stops)s)) = (orders.side = 'BUY')
                THEN trigger.price >= orders.stop_price ELSE trigger.price <= orders.stop_price END
        WHEN orders.side = 'BUY' THEN orders.price >= now.buyer
        ELSE orders.price <= now.seller
    END
"""
HELD = """
    SELECT DISTINCT position.kind, position.symbol
    FROM markets_paperposition position JOIN markets_paperaccount account ON account.id = position.account_id
    WHERE account.venue = %s
"""
INVOLVED = """
    SELECT kind, symbol FROM markets_paperposition WHERE account_id = ANY(%(ids)s)
    UNION
    SELECT kind, symbol FROM markets_paperorder
    WHERE account_id = ANY(%(ids)s) AND status IN ('NEW', 'PARTIALLY_FILLED')
"""
# Who may have to be liquidated: the same sums as `matching.is_broke`, which decides. Positions without a price save.
BROKE = """
    WITH marks AS (
        SELECT * FROM json_to_recordset(%(marks)s) AS rows (kind text, symbol text, mark numeric, changed boolean)
    ), valued AS (
        SELECT position.account_id, position.margin_asset, position.cost, marks.mark, coalesce(marks.changed, false)
                AS changed,
            abs(position.quantity) * position.contract_size
                * CASE position.kind WHEN 'coin_m' THEN 1 / marks.mark ELSE marks.mark END AS worth,
            sign(position.quantity) * CASE position.kind WHEN 'coin_m' THEN -1 ELSE 1 END AS direction
        FROM markets_paperposition position LEFT JOIN marks USING (kind, symbol)
    )
    SELECT account.id
    FROM valued JOIN markets_paperaccount account ON account.id = valued.account_id
    WHERE account.venue = %(venue)s
    GROUP BY account.id, valued.margin_asset
    HAVING bool_or(changed) AND count(mark) = count(*)
        AND coalesce((account.balances -> valued.margin_asset ->> 'total')::numeric, 0)
            + sum(direction * (worth - cost))
            <= sum(worth) * CASE WHEN account.settings ->> 'maintenance' ~ '^[0-9]*[.]?[0-9]+$'
                THEN (account.settings ->> 'maintenance')::numeric ELSE %(maintenance)s END
"""


def paper_match(*, venue: str, prices: Sequence[PriceReport], source: Prices | None = None) -> int:
    """Bring the paper accounts of a venue up to changed prices; return how many orders traded or ended.

    Accounts that no price reaches cost nothing: they are found in two or three statements, however many orders rest.
    The others take six statements for every 200 accounts.
    """
    if not prices:
        return 0
    source = source or FeedPrices()
    accounts = _reached(venue, prices) | _broke(venue, prices, source)
    ids = sorted(accounts)
    chunks = [ids[start : start + ACCOUNTS_AT_ONCE] for start in range(0, len(ids), ACCOUNTS_AT_ONCE)]
    return sum(_match(venue, chunk, prices, source) for chunk in chunks)


def _reached(venue: str, prices: Sequence[PriceReport]) -> set[int]:
    """Return the accounts with an order that may trade at these prices."""
    rows = [
        {
            "kind": price.kind,
            "symbol": price.symbol,
            "buyer": pricing.best(price, Side.BUY),
            "seller": pricing.best(price, Side.SELL),
            "last": pricing.trigger_price(price, None),
            "mark": pricing.mark(price),
        }
        for price in prices
    ]
    stops = [order_type.value for order_type in pricing.STOPS]
    conditional = [order_type.value for order_type in CONDITIONAL_TYPES]
    parameters = {"prices": json_rows(rows), "venue": venue, "stops": stops, "conditional": conditional}
    return {row[0] for row in run(REACHED, parameters)}


def _broke(venue: str, prices: Sequence[PriceReport], source: Prices) -> set[int]:
    """Return the accounts whose margin may be gone."""
    held = {MarketKey(MarketKind(kind), symbol) for kind, symbol in run(HELD, [venue])}
    changed = {MarketKey(price.kind, price.symbol) for price in prices}
    if not held & changed:
        return set()
    marks = [
        {"kind": key.kind, "symbol": key.symbol, "mark": mark, "changed": key in changed}
        for key, mark in marks_of(prices_of(venue, held, source=source, known=prices)).items()
    ]
    return {
        row[0] for row in run(BROKE, {"marks": json_rows(marks), "venue": venue, "maintenance": Terms().maintenance})
    }


def _match(venue: str, ids: Sequence[int], prices: Sequence[PriceReport], source: Prices) -> int:
    """Work on some accounts in one transaction; return how many orders changed."""
    involved = {MarketKey(MarketKind(kind), symbol) for kind, symbol in run(INVOLVED, {"ids": list(ids)})}
    scene = scene_of(venue, involved, source=source, now=timezone.now(), known=prices)
    changed = {MarketKey(price.kind, price.symbol) for price in prices}
    with transaction.atomic():
        accounts = accounts_read(venue, ids=ids, lock=True)
        positions_read(accounts)
        waiting = orders_read("WHERE account_id = ANY(%s) AND status = ANY(%s) ORDER BY id", [list(ids), OPEN])
        # The time under the locks: an account's trades happen in the order in which they are seen.
        scene = replace(scene, now=timezone.now())
        changes = Changes(venue, scene.now)
        for account in accounts:
            own = [order for owner, order in waiting if owner == account.id]
            left = [_work(account, order, scene, changed, changes) for order in own]
            _liquidate(account, [order for order in left if order.is_open], scene, changes)
        if changes.after:
            changes_write(changes)
    return len(changes.orders)


def _work(account: Account, order: Order, scene: Scene, changed: set[MarketKey], changes: Changes) -> Order:
    """Bring an order up to its market's price; return it as it is then."""
    key = MarketKey(order.kind, order.symbol)
    view = scene.view(key) if key in changed else None
    if view is None:
        return order
    outcome = matching.work(account.ledger, order, view, account.terms)
    if outcome.order != order:
        changes.note(account, outcome.ledger, [outcome.order], outcome.trades)
    return outcome.order


def _liquidate(account: Account, open_orders: Sequence[Order], scene: Scene, changes: Changes) -> None:
    for asset in sorted({held.margin_asset for held in account.ledger.positions.values()}):
        if matching.is_broke(account.ledger, asset, scene.marks, account.terms):
            views = {
                key: view
                for held in account.ledger.margined_in(asset)
                if (view := scene.view(key := MarketKey(held.kind, held.symbol)))
            }
            result = matching.liquidate(account.ledger, asset, open_orders, views, account.terms)
            changes.note(account, result.ledger, result.orders, result.trades)

"""Trades into the books: stored once, whoever brings them, and added to what the account holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any

import msgspec
from django.utils import timezone

from copytrade.lib.sql import UNLESS_THERE, as_table, inserting, numbers, run, texts, update_rows
from markets.models import Market
from markets.venues.base import FillReport
from markets.venues.vocabulary import MarketKind, PositionSide, Side
from orders.accounting import (
    EXACT,
    AdjustmentFact,
    Fact,
    FactKey,
    FillFact,
    Position,
    Terms,
    booked_all,
    is_late,
    newest,
)
from orders.executor.rows import OrderRow
from orders.models import Fill, Holding, HoldingAdjustment, Order, Origin

FILL_COLUMNS = {
    "account_id": "bigint",
    "market_id": "bigint",
    "order_id": "bigint",
    "venue_trade_id": "text",
    "side": "text",
    "position_side": "text",
    "price": "numeric",
    "quantity": "numeric",
    "quote_quantity": "numeric",
    "fee": "numeric",
    "fee_asset": "text",
    "is_maker": "boolean",
    "venue_pnl": "numeric",
    "time": "timestamptz",
    "stored_at": "timestamptz",
    "awaits_copy": "boolean",
}
HOLDING_COLUMNS = {
    "quantity": "numeric",
    "cost": "numeric",
    "realized_pnl": "numeric",
    "fees": "numeric",
    "other_fees": "jsonb",
    "opened_at": "timestamptz",
    "last_time": "timestamptz",
    "last_trade": "text",
    "updated_at": "timestamptz",
}
KEYS = "unnest(%s::bigint[], %s::bigint[], %s::text[]) AS key(account_id, market_id, side)"
SAME = "(row.account_id, row.market_id, row.side) = (key.account_id, key.market_id, key.side)"
MAKE_HOLDINGS = f"""
INSERT INTO orders_holding
    (account_id, market_id, side, quantity, cost, realized_pnl, fees, other_fees, last_trade, updated_at)
SELECT account_id, market_id, side, 0, 0, 0, 0, '{{}}', '', %s FROM {KEYS} ON CONFLICT DO NOTHING
"""
BUY = Side.BUY
STORED = f"{UNLESS_THERE} RETURNING account_id, market_id, position_side, venue_trade_id, side"


class HoldingKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """Which position."""

    account_id: int
    market_id: int
    side: str


def terms_of(market: Market) -> Terms:
    """Return how a market settles."""
    inverse, spot = market.kind == MarketKind.COIN_M, market.kind == MarketKind.SPOT
    return Terms(
        contract_size=market.contract_size,
        inverse=inverse,
        tracks_shorts=not spot,
        base_asset=market.base_asset,
        settlement_asset=market.base_asset if inverse else market.quote_asset if spot else market.margin_asset,
    )


class HoldingRow(msgspec.Struct):
    """What the accounting asks of a holding; the words are those of `Holding`."""

    id: int
    account_id: int
    market_id: int
    side: str
    quantity: Decimal
    cost: Decimal
    realized_pnl: Decimal
    fees: Decimal
    other_fees: Mapping[str, str]
    opened_at: datetime | None
    last_time: datetime | None
    last_trade: str

    @property
    def newest(self) -> FactKey | None:
        """The place of its last fact."""
        return FactKey(self.last_time, len(self.last_trade), self.last_trade) if self.last_time else None


OTHER_FEES = HoldingRow.__struct_fields__.index("other_fees")
LOCK_HOLDINGS = (
    "SELECT row.id, row.account_id, row.market_id, row.side, trim_scale(row.quantity), trim_scale(row.cost), "
    "trim_scale(row.realized_pnl), trim_scale(row.fees), row.other_fees, row.opened_at, row.last_time, row.last_trade "
    f"FROM orders_holding row JOIN {KEYS} ON {SAME} ORDER BY row.id FOR UPDATE OF row"
)


class Booked(FillFact, frozen=True, gc=False):
    """A trade as it is stored, a fact of the accounting as well; the words are those of `Fill`."""

    account_id: int
    market_id: int
    order_id: int
    side: Side
    position_side: PositionSide
    quote_quantity: Decimal
    is_maker: bool
    venue_pnl: Decimal | None
    stored_at: datetime
    awaits_copy: bool


def fills_book(trades: Sequence[tuple[Order | OrderRow, FillReport]], *, followed: bool = False) -> list[Booked]:
    """Store trades and add the new ones to the holdings; return the new ones.

    Needs an open transaction and the orders locked. Statements do not grow with trades. `followed`: the trades of
    copies' orders are taken up in this transaction too, so that nobody else has to.
    """
    now = timezone.now()
    rows = {
        (order.account_id, order.market_id, trade.venue_trade_id, str(trade.side)): _row(order, trade, now, followed)
        for order, trade in trades
    }
    new = as_table(FILL_COLUMNS, list(rows.values()), key="account_id", read=attrgetter)
    insert = inserting("orders_fill", FILL_COLUMNS, new)
    facts: dict[HoldingKey, list[Fact]] = defaultdict(list)
    booked = []
    for account, market, position_side, trade_id, side in run(f"{insert} {STORED}", new.parameters):
        trade = rows[account, market, trade_id, side]
        facts[HoldingKey(account, market, position_side)].append(trade)
        booked.append(trade)
    if facts:
        holdings_apply(facts, {order.market_id: order.market for order, _ in trades})
    return booked


def holdings_apply(facts: Mapping[HoldingKey, Sequence[Fact]], markets: Mapping[int, Market]) -> None:
    """Add facts to holdings; one that is older than what a holding has makes that holding be counted anew."""
    holdings = _lock(facts.keys())
    late = [key for key, holding in holdings.items() if is_late(facts[key], holding.newest)]
    every = facts_of(late)
    now = timezone.now()
    terms = {pk: terms_of(market) for pk, market in markets.items()}
    rows = []
    with localcontext(EXACT):
        for key, holding in holdings.items():
            start = Position() if key in every else position_of(holding)
            new = every.get(key, facts[key])
            rows.append(holding_row(holding.id, booked_all(terms[key.market_id], new, start), new, now))
    update_rows("orders_holding", HOLDING_COLUMNS, rows)


def holdings_lock(keys: Iterable[HoldingKey]) -> dict[HoldingKey, Holding]:
    """Return the locked rows of these positions, made where they are missing; always in the same order."""
    wanted = _make(keys)
    rows = Holding.objects.raw(
        f"SELECT row.* FROM orders_holding row JOIN {KEYS} ON {SAME} ORDER BY row.id FOR UPDATE OF row", wanted
    )
    return {HoldingKey(row.account_id, row.market_id, row.side): row for row in rows}


def _make(keys: Iterable[HoldingKey]) -> list[str]:
    """Make the holdings that are missing; return the keys as statements take them."""
    wanted = _arrays(sorted(keys))
    run(MAKE_HOLDINGS, [timezone.now(), *wanted])
    return wanted


def _arrays(keys: Collection[HoldingKey]) -> list[str]:
    return [
        numbers([key.account_id for key in keys]),
        numbers([key.market_id for key in keys]),
        texts([key.side for key in keys]),
    ]


def _lock(keys: AbstractSet[HoldingKey]) -> dict[HoldingKey, HoldingRow]:
    """Do as `holdings_lock` does, for those columns only that the accounting needs."""
    locked = _locked(_arrays(keys))
    if missing := keys - locked.keys():
        locked |= _locked(_make(missing))
    return locked


def _locked(wanted: Sequence[str]) -> dict[HoldingKey, HoldingRow]:
    locked = {}
    for row in run(LOCK_HOLDINGS, wanted):
        holding = HoldingRow(*row)
        holding.other_fees = {} if row[OTHER_FEES] == "{}" else msgspec.json.decode(row[OTHER_FEES])
        locked[HoldingKey(*row[1:4])] = holding
    return locked


def facts_of(keys: Sequence[HoldingKey]) -> dict[HoldingKey, list[Fact]]:
    """Return all facts of positions."""
    found: dict[HoldingKey, list[Fact]] = {key: [] for key in keys}
    if keys:
        wanted = _arrays(keys)
        fills = Fill.objects.raw(
            f"SELECT row.* FROM orders_fill row JOIN {KEYS} ON (row.account_id, row.market_id, row.position_side) = "
            "(key.account_id, key.market_id, key.side)",
            wanted,
        )
        for fill in fills:
            key = HoldingKey(fill.account_id, fill.market_id, fill.position_side)
            found[key].append(_stored_fact(fill))
        adjustments = HoldingAdjustment.objects.raw(
            f"SELECT row.* FROM orders_holdingadjustment row JOIN {KEYS} ON {SAME}", wanted
        )
        for adjustment in adjustments:
            key = HoldingKey(adjustment.account_id, adjustment.market_id, adjustment.side)
            found[key].append(adjustment_fact(adjustment))
    return found


def position_of(holding: Holding | HoldingRow) -> Position:
    """Return a holding as the accounting has it."""
    fees = {asset: Decimal(amount) for asset, amount in holding.other_fees.items()} if holding.other_fees else {}
    return Position(holding.quantity, holding.cost, holding.realized_pnl, holding.fees, fees, holding.opened_at)


def adjustment_fact(adjustment: HoldingAdjustment) -> AdjustmentFact:
    """Return an adjustment as the accounting has it; at equal times it comes after the trades."""
    return AdjustmentFact(adjustment.time, f"~{adjustment.pk:063}", adjustment.quantity, adjustment.cost)


def holding_row(pk: int, position: Position, facts: Sequence[Fact], now: datetime) -> dict[str, Any]:
    """Return the columns of a holding after its facts."""
    last = newest(facts) if facts else None
    return {
        "id": pk,
        "quantity": position.quantity,
        "cost": position.cost,
        "realized_pnl": position.realized_pnl,
        "fees": position.fees,
        "other_fees": _other_fees(position),
        "opened_at": position.opened_at,
        "last_time": last.time if last else None,
        "last_trade": last.trade if last else "",
        "updated_at": now,
    }


def _other_fees(position: Position) -> dict[str, str]:
    fees = position.other_fees
    return {asset: str(amount) for asset, amount in sorted(fees.items())} if fees else {}


def _row(order: Order | OrderRow, trade: FillReport, now: datetime, followed: bool) -> Booked:  # noqa: FBT001
    return Booked(
        trade.time,
        trade.venue_trade_id,
        trade.side == BUY,
        trade.price,
        trade.quantity,
        trade.fee,
        trade.fee_asset,
        order.account_id,
        order.market_id,
        order.pk,
        trade.side,
        trade.position_side,
        trade.quote_quantity,
        trade.is_maker,
        trade.realized_pnl,
        now,
        not (followed and order.cause_id is not None) and awaits_copy(order),
    )


def awaits_copy(order: Order | OrderRow) -> bool:
    """Return whether copies have to take up the trades of an order: it is one of theirs, or of one who is copied.

    What a leader copies of others is not copied on, or two who copy each other would never stop.
    """
    return order.cause_id is not None or (order.account.is_led and order.origin != Origin.COPY)


def _stored_fact(fill: Fill) -> FillFact:
    return FillFact(
        fill.time, fill.venue_trade_id, fill.side == BUY, fill.price, fill.quantity, fill.fee, fill.fee_asset
    )

"""How copies and their accounts stand, asked by their numbers; what is ordered and not final counts as if filled.

Each statement is a handful of index lookups for each copy, whatever the planner of PostgreSQL knows of the tables; the
settings of `loading.BY_NUMBER` and `OFFSET 0` see to that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from copytrade.lib.sql import numbers, run
from replication.engine.rows import CopyRow
from replication.facts import ZERO
from replication.models import Signal
from replication.vocabulary import PositionWord

# Worth of a position is that at its entry: its cost, on inverse markets (whose cost is in the coin) what the contracts
# say.
PLACES = """
    unnest(%(copies)s::bigint[], %(accounts)s::bigint[], %(markets)s::bigint[], %(sides)s::text[])
        AS w(copy_id, account_id, market_id, side)
"""
HELD = f"""
    SELECT w.copy_id, trim_scale(max(x.leverage)), trim_scale(coalesce(sum(
        greatest(CASE WHEN w.side = 'LONG' THEN x.quantity ELSE -x.quantity END, 0))
            FILTER (WHERE x.side IN ('BOTH', w.side)), 0))
    FROM {PLACES} JOIN LATERAL (
        SELECT * FROM orders_holding x WHERE (x.account_id, x.market_id) = (w.account_id, w.market_id) OFFSET 0
    ) x ON true GROUP BY w.copy_id
"""
POSITIONS = f"""
    SELECT w.copy_id, count(*) FILTER (WHERE q.quantity <> 0 AND abs(q.quantity) >= coalesce(m.quantity_step, 0)),
        trim_scale(sum(q.realized_pnl - q.fees)),
        trim_scale(sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)),
        trim_scale(coalesce(
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)
                FILTER (WHERE q.market_id = w.market_id), 0))
    FROM {PLACES} JOIN LATERAL (
        SELECT * FROM replication_copyposition q WHERE q.copy_id = w.copy_id OFFSET 0
    ) q ON true JOIN markets_market m ON m.id = q.market_id GROUP BY w.copy_id
"""
UNDER_WAY = f"""
    SELECT w.copy_id, trim_scale(coalesce(sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned'), 0)),
        trim_scale(coalesce(sum(i.worth)
            FILTER (WHERE NOT i.exits AND i.state = 'planned' AND i.market_id = w.market_id), 0)),
        count(DISTINCT i.market_id) FILTER (WHERE NOT i.exits AND i.state = 'planned'
            AND i.market_id IS DISTINCT FROM w.market_id AND NOT EXISTS (
                SELECT FROM replication_copyposition o WHERE o.copy_id = w.copy_id AND o.market_id = i.market_id
                    AND o.quantity <> 0)),
        coalesce(bool_or((%(exits)s OR i.exits) AND i.market_id = w.market_id
            AND i.id < coalesce(self.id, 9223372036854775807)), false),
        coalesce(bool_or(NOT i.exits AND i.state = 'planned' AND i.market_id = w.market_id), false)
    FROM {PLACES} JOIN LATERAL (
        SELECT * FROM replication_copyintent i WHERE i.copy_id = w.copy_id AND i.state IN ('waiting', 'planned')
        OFFSET 0
    ) i ON true LEFT JOIN LATERAL (
        SELECT id FROM replication_copyintent WHERE (copy_id, signal_id) = (w.copy_id, %(signal)s) OFFSET 0
    ) self ON true GROUP BY w.copy_id
"""
ACCOUNTS = """
    SELECT account_id, trim_scale(sum(worth)) FROM (
        SELECT h.account_id, CASE WHEN m.kind = 'coin_m' THEN abs(h.quantity) * m.contract_size
            ELSE abs(h.cost) END AS worth
        FROM orders_holding h JOIN markets_market m ON m.id = h.market_id
        WHERE h.account_id = ANY(%(accounts)s) AND h.quantity <> 0
        UNION ALL
        SELECT c.account_id, i.worth FROM replication_copy c JOIN LATERAL (
            SELECT worth FROM replication_copyintent i
            WHERE i.copy_id = c.id AND i.state = 'planned' AND NOT i.exits OFFSET 0
        ) i ON true WHERE c.account_id = ANY(%(accounts)s)
    ) AS every GROUP BY account_id
"""
# The other side of a one-way account is taken by another copy, or by this one for a leader who holds both; what is
# being closed right now, as where a leader turns, takes nothing.
OPPOSITES = f"""
    SELECT w.copy_id, coalesce(nullif(l.nickname, ''), l.external_id)
    FROM {PLACES} JOIN LATERAL (
        SELECT id, trader_id FROM replication_copy c WHERE c.account_id = w.account_id OFFSET 0
    ) c ON true JOIN traders_leadtrader l ON l.id = c.trader_id
    WHERE EXISTS (
        SELECT FROM replication_copyposition o JOIN orders_holding x ON x.account_id = w.account_id
            AND x.market_id = o.market_id AND x.quantity <> 0 AND (x.quantity > 0) = (o.quantity > 0)
        WHERE o.copy_id = c.id AND o.market_id = w.market_id AND o.quantity <> 0
            AND (o.quantity > 0) <> (w.side = 'LONG') AND NOT (c.id = w.copy_id AND EXISTS (
                SELECT FROM replication_copyintent e WHERE e.copy_id = c.id AND e.market_id = o.market_id
                    AND e.exits AND e.state IN ('waiting', 'planned')))
    ) OR EXISTS (
        SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = w.market_id
            AND i.state = 'planned' AND NOT i.exits AND i.side <> w.side)
    ORDER BY c.id DESC
"""
OTHERS = f"""
    SELECT w.copy_id, trim_scale(coalesce(sum(i.quantity - i.filled_quantity)
        FILTER (WHERE i.exits AND i.side = w.side), 0))
    FROM {PLACES} JOIN LATERAL (
        SELECT id FROM replication_copy c WHERE c.account_id = w.account_id AND c.id <> w.copy_id OFFSET 0
    ) c ON true JOIN LATERAL (
        SELECT * FROM replication_copyintent i
        WHERE (i.copy_id, i.market_id) = (c.id, w.market_id) AND i.state = 'planned' OFFSET 0
    ) i ON true GROUP BY w.copy_id
"""


class Positions(NamedTuple):
    """What a copy holds in all its markets, and what it ever made."""

    open: int = 0
    realized: Decimal = ZERO
    worth: Decimal = ZERO
    symbol_worth: Decimal = ZERO


class UnderWay(NamedTuple):
    """What a copy has ordered, or waits for, and is not final."""

    worth: Decimal = ZERO
    symbol_worth: Decimal = ZERO
    new_positions: int = 0
    earlier: bool = False
    entering: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How copies and accounts stand, by their numbers; who is missing has nothing of it."""

    held: Mapping[int, tuple[Decimal | None, Decimal]]
    under_way: Mapping[int, UnderWay]
    positions: Mapping[int, Positions]
    accounts: Mapping[int, Decimal]
    opposites: Mapping[int, str]
    others: Mapping[int, Decimal]


def entry_standing(rows: Sequence[CopyRow], signal: Signal) -> Standing:
    """Return all that entries are judged by, in six statements."""
    sides = [_wanted_side(row, signal) for row in rows]
    places = _places(rows, sides, signal)
    one_way = [(row, side) for row, side in zip(rows, sides, strict=True) if not row.hedge_mode]
    netting = _places([row for row, _ in one_way], [side for _, side in one_way], signal)
    return Standing(
        held=_held(places),
        under_way=_under_way({**places, "exits": False}),
        positions={copy: Positions(*sums) for copy, *sums in run(POSITIONS, places)},
        accounts=dict(run(ACCOUNTS, places)),
        opposites=dict(run(OPPOSITES, netting)),
        others={},
    )


def exit_standing(rows: Sequence[CopyRow], signal: Signal) -> Standing:
    """Return what exits need: what is held, and what else is under way there; three statements."""
    held = [row for row in rows if row.held]
    places = _places(held, [row.held_side for row in held], signal)
    every = _places(rows, [row.held_side for row in rows], signal)
    return Standing(
        held=_held(places),
        under_way=_under_way({**every, "exits": True}),
        positions={},
        accounts={},
        opposites={},
        others=dict(run(OTHERS, places)),
    )


def _places(rows: Sequence[CopyRow], sides: Sequence[str | None], signal: Signal) -> dict[str, Any]:
    return {
        "copies": numbers(row.copy_id for row in rows),
        "accounts": numbers(row.account_id for row in rows),
        "markets": numbers(row.market_id for row in rows),
        "sides": "{" + ",".join([side or "NULL" for side in sides]) + "}",
        "signal": signal.pk,
    }


def _held(places: Mapping[str, Any]) -> dict[int, tuple[Decimal | None, Decimal]]:
    return {copy: (leverage, quantity) for copy, leverage, quantity in run(HELD, places)}


def _under_way(places: Mapping[str, Any]) -> dict[int, UnderWay]:
    return {copy: UnderWay(*sums) for copy, *sums in run(UNDER_WAY, places)}


def _wanted_side(row: CopyRow, signal: Signal) -> str:
    side = PositionWord(signal.side)
    return (opposite(side) if row.inverted else side).value


def opposite(side: PositionWord) -> PositionWord:
    """Return the other side."""
    return PositionWord.SHORT if side == PositionWord.LONG else PositionWord.LONG

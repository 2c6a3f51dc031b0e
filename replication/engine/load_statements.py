"""The statements that read how copies stand: those that are chosen, their accounts' locks, and all of the rest."""

# All below look rows up by number, table by table: `look_up_by_number` and `OFFSET 0` say so.
CHOSEN = """
    SELECT * FROM replication_copy WHERE trader_id = %(trader)s AND state <> 'ended' AND id > %(after)s
        AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s)) ORDER BY id LIMIT %(limit)s
"""
LOCK = f"""
    SELECT chosen.id, a.id, a.venue, a.mode = 'live' FROM ({CHOSEN}) AS chosen
    JOIN orders_tradingaccount a ON a.id = chosen.account_id ORDER BY a.id FOR NO KEY UPDATE OF a
"""
# What follows are the pieces of LOAD. Each kind of signal has a text of the pieces that it needs: even what PostgreSQL
# finds out that it need not read costs it time for each copy.

# The copies, their accounts, and the position of each that follows the leader's; an entry's is in the market that it
# goes to. Sorting all of them together is cheaper than sorting the one or two of each copy. The state is asked for
# outside, or an index of all copies that have not ended could be read for it.
_TARGET = "(%(markets)s::jsonb ->> a.venue)::bigint"
_STANDING = f"""
    SELECT DISTINCT ON (c.id) c.*, a.user_id, a.venue, a.mode, a.key, a.state AS account_state,
        a.state_reason AS account_reason, a.live_enabled, a.hedge_mode, a.equity_asset, a.equity, a.max_worth,
        coalesce(p.market_id, {_TARGET}) AS market_id, p.side AS position_side, p.quantity AS position, p.remainder,
        p.leader_opened_at, CASE WHEN (%(side)s = 'LONG') <> c.inverted THEN 'LONG' ELSE 'SHORT' END AS own_side
    FROM (SELECT * FROM replication_copy WHERE id = ANY(%(only)s::bigint[]) ORDER BY id OFFSET 0) AS c
    CROSS JOIN LATERAL (SELECT * FROM orders_tradingaccount a WHERE a.id = c.account_id OFFSET 0) AS a
    LEFT JOIN LATERAL (
        SELECT * FROM replication_copyposition p WHERE p.copy_id = c.id AND p.leader_symbol = %(symbol)s
            AND p.leader_side = %(side)s {{where_followed}} OFFSET 0
    ) AS p ON true
    WHERE c.state <> 'ended' ORDER BY c.id, p.quantity = 0, p.id DESC
"""
_THIS_DECISION = """
    coalesce((SELECT id FROM replication_copyintent WHERE (copy_id, signal_id) = (c.id, %(signal)s)),
        9223372036854775807)
"""
# An entry that is filled in part is worth what is not held yet of the orders of its last attempt.
_NOT_HELD = """
    CASE WHEN i.filled_quantity > 0 THEN coalesce((
        SELECT i.worth * greatest(sum(o.quantity) - sum(coalesce(f.held, 0)), 0) / sum(o.quantity)
        FROM orders_order o LEFT JOIN LATERAL (
            SELECT sum(quantity) AS held FROM orders_fill WHERE order_id = o.id {which} OFFSET 0
        ) AS f ON true WHERE o.cause_id = i.id AND o.created_at >= i.planned_at
    ), i.worth) ELSE i.worth END
"""
_NOT_HELD_BY_COPY = _NOT_HELD.format(which="AND NOT awaits_copy")
_NOT_HELD_BY_ACCOUNT = _NOT_HELD.format(which="")
_UNDER_WAY = f"""
    SELECT sum(i.worth) FILTER (WHERE i.enters) AS worth,
        sum(i.worth) FILTER (WHERE i.enters AND i.here) AS symbol_worth,
        bool_or(i.enters AND i.here) AS entering,
        bool_or(i.enters AND i.here AND i.side <> c.own_side) AS against,
        bool_or(i.enters AND (i.here IS NOT TRUE OR (c.hedge_mode AND i.side <> c.own_side))) AS elsewhere,
        bool_or({{what_waits}} i.here AND i.id < {_THIS_DECISION}) AS earlier
    FROM (
        SELECT i.id, i.side, i.exits, {_NOT_HELD_BY_COPY} AS worth, i.market_id = c.market_id AS here,
            NOT i.exits AND i.state = 'planned' AS enters
        FROM replication_copyintent i WHERE i.copy_id = c.id AND i.state IN ('waiting', 'planned') OFFSET 0
    ) AS i OFFSET 0
"""
_NEW_POSITIONS = """
    CASE WHEN under.elsewhere THEN (
        SELECT count(DISTINCT (i.market_id, CASE WHEN c.hedge_mode THEN i.side END))
        FROM replication_copyintent i WHERE i.copy_id = c.id AND i.state = 'planned' AND NOT i.exits
            AND (i.market_id IS DISTINCT FROM c.market_id OR (c.hedge_mode AND i.side <> c.own_side))
            AND NOT EXISTS (
                SELECT FROM replication_copyposition o JOIN markets_market m ON m.id = o.market_id
                WHERE o.copy_id = c.id AND o.market_id = i.market_id AND (o.side = i.side OR NOT c.hedge_mode)
                    AND abs(o.quantity) > 0 AND abs(o.quantity) >= coalesce(m.quantity_step, 0) OFFSET 0)
    ) ELSE 0 END
"""
# An entry is judged by what there is already. Worth of a position is that at its entry: its cost, on inverse markets
# (whose cost is in the coin) what the contracts say. An entry finds the market taken where another symbol of the leader
# is copied into the same position.
_WORTH = "CASE WHEN m.kind = 'coin_m' THEN abs(h.quantity) * m.contract_size ELSE abs(h.cost) END"
_MINE = f"""
    SELECT count(*) FILTER (WHERE h.is_open) AS open_positions, sum(h.worth) AS worth,
        sum(h.worth) FILTER (WHERE h.market_id = c.market_id) AS symbol_worth,
        sum(h.realized_pnl - h.fees) FILTER (WHERE c.allocated IS NOT NULL) AS realized,
        max(h.leader_symbol) FILTER (
            WHERE h.market_id = c.market_id AND h.side = c.own_side
            AND (h.leader_symbol, h.leader_side) <> (%(symbol)s, %(side)s)
            AND (h.is_open OR EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = c.market_id
                    AND i.side = h.side AND i.state IN ('waiting', 'planned') OFFSET 0))) AS taken_by
    FROM (
        SELECT h.market_id, h.side, h.leader_symbol, h.leader_side, h.realized_pnl, h.fees, {_WORTH} AS worth,
            h.quantity <> 0 AND abs(h.quantity) >= coalesce(m.quantity_step, 0) AS is_open
        FROM (SELECT * FROM replication_copyposition WHERE copy_id = c.id OFFSET 0) AS h
        LEFT JOIN LATERAL (
            SELECT * FROM markets_market m WHERE m.id = h.market_id AND (h.quantity <> 0 OR h.cost <> 0) OFFSET 0
        ) AS m ON true OFFSET 0
    ) AS h OFFSET 0
"""
_ACCOUNT_WORTH = f"""
    CASE WHEN c.max_worth IS NOT NULL THEN coalesce((
        SELECT sum({_WORTH}) FROM (SELECT * FROM orders_holding WHERE account_id = c.account_id OFFSET 0) AS h
        JOIN markets_market m ON m.id = h.market_id WHERE h.quantity <> 0 OFFSET 0
    ), 0) + coalesce((
        SELECT sum(i.worth) FROM (SELECT id FROM replication_copy WHERE account_id = c.account_id OFFSET 0) AS o
        CROSS JOIN LATERAL (
            SELECT {_NOT_HELD_BY_ACCOUNT} AS worth FROM replication_copyintent i
            WHERE i.copy_id = o.id AND i.state = 'planned' AND NOT i.exits OFFSET 0
        ) AS i OFFSET 0
    ), 0) ELSE 0 END
"""
_ENTRY_HELD = """
    SELECT max(x.leverage) AS leverage,
        bool_or(x.quantity <> 0 AND (x.quantity > 0) <> (c.own_side = 'LONG')) AS against
    FROM orders_holding x WHERE (x.account_id, x.market_id) = (c.account_id, c.market_id) OFFSET 0
"""
# The other side of a one-way account is taken by another copy, or by this one for a leader who holds both; what is
# being closed before it, as where a leader turns, takes nothing. `abs(quantity) > 0` keeps from the index of all that
# is open in a market, which is read whole for each copy.
_OPPOSITE = f"""
    CASE WHEN NOT c.hedge_mode THEN (
        SELECT coalesce(nullif(l.nickname, ''), l.external_id) FROM traders_leadtrader l
        WHERE l.id = (SELECT trader_id FROM replication_copy WHERE id = (
            SELECT min(o.id) FROM (SELECT id FROM replication_copy WHERE account_id = c.account_id OFFSET 0) AS o
            WHERE (held.against AND EXISTS (
                SELECT FROM replication_copyposition p WHERE p.copy_id = o.id AND p.market_id = c.market_id
                    AND abs(p.quantity) > 0 AND (p.quantity > 0) <> (c.own_side = 'LONG')
                    AND NOT (o.id = c.id AND EXISTS (
                        SELECT FROM replication_copyintent e WHERE e.copy_id = o.id AND e.market_id = p.market_id
                            AND e.exits AND e.state IN ('waiting', 'planned') AND e.id < {_THIS_DECISION} OFFSET 0))
                    OFFSET 0
            )) OR CASE WHEN o.id = c.id THEN under.against ELSE EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = o.id AND i.market_id = c.market_id
                    AND i.state = 'planned' AND NOT i.exits AND i.side <> c.own_side OFFSET 0
            ) END OFFSET 0
        ))
    ) END
"""
# An exit is judged by what is left to close.
_EXIT_HELD = """
    SELECT max(x.leverage) AS leverage,
        sum(greatest(CASE WHEN c.position_side = 'LONG' THEN x.quantity ELSE -x.quantity END, 0))
            FILTER (WHERE c.position <> 0 AND x.side IN ('BOTH', c.position_side)) AS closable
    FROM orders_holding x WHERE (x.account_id, x.market_id) = (c.account_id, c.market_id) OFFSET 0
"""
_OTHERS = """
    SELECT sum(CASE WHEN i.exits AND i.side = c.position_side THEN i.quantity - i.filled_quantity ELSE 0 END) AS leaving
    FROM (
        SELECT id FROM replication_copy o
        WHERE c.position <> 0 AND o.account_id = c.account_id AND o.id <> c.id OFFSET 0
    ) AS o CROSS JOIN LATERAL (
        SELECT * FROM replication_copyintent i
        WHERE (i.copy_id, i.market_id) = (o.id, c.market_id) AND i.state = 'planned' OFFSET 0
    ) AS i OFFSET 0
"""
_UNBOOKED = """
    CASE WHEN abs(c.position) > coalesce(held.closable, 0) THEN EXISTS (
        SELECT FROM (
            SELECT order_id FROM orders_fill
            WHERE account_id = c.account_id AND awaits_copy AND market_id = c.market_id OFFSET 0
        ) AS f CROSS JOIN LATERAL (SELECT cause_id FROM orders_order o WHERE o.id = f.order_id OFFSET 0) AS o
        WHERE o.cause_id IS NOT NULL
    ) ELSE false END
"""
_PARTS = """
    CROSS JOIN LATERAL (
        SELECT sum(i.worth * CASE WHEN i.state = 'partial' THEN i.filled_quantity / nullif(i.quantity, 0) ELSE 1 END)
                FILTER (WHERE i.state IN ('planned', 'filled', 'partial')) AS worth,
            CASE WHEN NOT bool_or(i.capped <> '[]') THEN
                sum(i.wanted_quantity - i.quantity - coalesce((i.numbers ->> 'set_off')::numeric, 0)) FILTER (
                    WHERE i.signal_id > %(closed)s AND i.signal_id < %(signal)s
                        AND (i.state NOT IN ('waiting', 'skipped') OR i.code = 'BELOW_MINIMUM'))
            END AS carried
        FROM unnest(%(parts)s::bigint[]) AS part(id) CROSS JOIN LATERAL (
            SELECT * FROM replication_copyintent i WHERE (i.signal_id, i.copy_id) = (part.id, c.id) OFFSET 0
        ) AS i OFFSET 0
    ) AS parts
"""
# One statement, so that what is held and what is under way are of one moment: a fill that is stored between two
# readings would be neither.
_LOAD = f"""
    SELECT c.id, c.account_id, c.user_id, c.venue, c.mode, c.account_state, c.account_reason, c.live_enabled,
        c.hedge_mode, c.equity_asset, trim_scale(least(c.allocated + {{realized}}, c.equity)),
        trim_scale(c.max_worth), trim_scale(coalesce(held.leverage, CASE WHEN c.mode = 'paper' THEN (
            SELECT leverage FROM markets_paperaccount WHERE key = c.key::text) END)),
        c.state, c.strategy, c.started_at, c.resumed_at, trim_scale(c.ratio), trim_scale(c.percentage),
        trim_scale(c.fixed_quantity), trim_scale(c.fixed_amount), c.tiers::text, c.inverted, trim_scale(c.max_order),
        trim_scale(c.max_symbol), trim_scale(c.max_exposure), c.max_positions, trim_scale(c.max_leverage),
        trim_scale(c.max_daily_loss), trim_scale(c.max_slippage_percent), c.max_signal_age_seconds, c.allowed_symbols,
        c.denied_symbols, c.minimum_policy, c.trading_hours::text, c.market_id, c.position_side,
        trim_scale(coalesce(c.position, 0)), trim_scale(coalesce(c.remainder, 0)), c.leader_opened_at,
        trim_scale(coalesce((
            SELECT fees - realized_pnl FROM replication_copyday WHERE (copy_id, date) = (c.id, %(today)s)), 0)),
        {{taken_by}}, {{open_positions}} + {_NEW_POSITIONS},
        trim_scale({{symbol_worth}} + coalesce(under.symbol_worth, 0)),
        trim_scale({{worth}} + coalesce(under.worth, 0)), {{account_worth}}, {{opposite}},
        coalesce(under.earlier, false), coalesce(under.entering, false), {{closable}}, {{others}}, {{unbooked}},
        {{order}}
    FROM ({_STANDING}) AS c
    CROSS JOIN LATERAL ({{held}}) AS held CROSS JOIN LATERAL ({_UNDER_WAY}) AS under {{more}}
    ORDER BY c.id
"""
_ENTRY = {
    "where_followed": f"AND p.market_id = {_TARGET}",
    "what_waits": "i.exits AND",
    "realized": "coalesce(mine.realized, 0)",
    "taken_by": "coalesce(mine.taken_by, '')",
    "open_positions": "mine.open_positions",
    "symbol_worth": "coalesce(mine.symbol_worth, 0)",
    "worth": "coalesce(mine.worth, 0)",
    "account_worth": f"trim_scale({_ACCOUNT_WORTH})",
    "opposite": f"coalesce({_OPPOSITE}, '')",
    "closable": "0::numeric",
    "others": "false, 0::numeric",
    "unbooked": "false",
    "held": _ENTRY_HELD,
    "more": f"CROSS JOIN LATERAL ({_MINE}) AS mine",
}
_EXIT = {
    "where_followed": "",
    "what_waits": "",
    "realized": "0",
    "taken_by": "''",
    "open_positions": "0",
    "symbol_worth": "0",
    "worth": "0",
    "account_worth": "0::numeric",
    "opposite": "''",
    "closable": "trim_scale(coalesce(held.closable, 0))",
    "others": "others.leaving IS NOT NULL, trim_scale(coalesce(others.leaving, 0))",
    "unbooked": _UNBOOKED,
    "held": _EXIT_HELD,
    "more": f"CROSS JOIN LATERAL ({_OTHERS}) AS others",
}


def _load(*, exits: bool, parts: bool) -> str:
    kind = _EXIT if exits else _ENTRY
    if not parts:
        return _LOAD.format(**kind, order="0::numeric, 0::numeric")
    order = "trim_scale(coalesce(parts.worth, 0)), trim_scale(coalesce(parts.carried, 0))"
    return _LOAD.format(**kind | {"more": kind["more"] + _PARTS}, order=order)


_LOADS = {(exits, parts): _load(exits=exits, parts=parts) for exits in (False, True) for parts in (False, True)}


def load_statement(*, exits: bool, parts: bool) -> str:
    """Return the statement for entries or exits; with `parts`, for one of several fills of the leader's order."""
    return _LOADS[exits, parts]


# The leader's order fills bit by bit; what one order may be worth, and has to be, holds for all of them together. What
# was too small of a position that the leader has closed since is forgotten.
PARTS = """
    SELECT coalesce(array_agg(s.id), '{}'), coalesce((
        SELECT max(c.id) FROM replication_signal c
        WHERE c.trader_id = %(trader)s AND c.symbol = %(symbol)s AND c.side = %(side)s AND c.action = 'CLOSE'
            AND (c.copy_id IS NULL OR c.source = 'flat') AND c.id < %(signal)s
            AND c.id > (SELECT min(o.id) FROM replication_signal o WHERE o.order_id = %(order)s)), 0)
    FROM replication_signal s
    WHERE s.order_id = %(order)s AND s.id <> %(signal)s AND s.action IN ('OPEN', 'INCREASE')
"""

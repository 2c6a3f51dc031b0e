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
# One statement, so that what is held and what is under way are of one moment: a fill that is stored between two
# readings would be neither. Worth of a position is that at its entry: its cost, on inverse markets (whose cost is in
# the coin) what the contracts say. An entry finds the market taken where another symbol of the leader is copied into
# the same position. The other side of a one-way account is taken by another copy, or by this one for a leader who holds
# both; what is being closed before it, as where a leader turns, takes nothing. `abs(quantity) > 0` keeps from the index
# of all that is open in a market, which is read whole for each copy.
LOAD = f"""
    SELECT c.id, c.account_id, a.user_id, a.venue, a.mode, a.state, a.state_reason, a.live_enabled, a.hedge_mode,
        a.equity_asset, trim_scale(coalesce(c.allocated + coalesce(mine.realized, 0), a.equity)),
        trim_scale(a.max_worth), trim_scale(coalesce(held.leverage, paper.leverage)),
        c.state, c.strategy, c.started_at, c.resumed_at, trim_scale(c.ratio), trim_scale(c.percentage),
        trim_scale(c.fixed_quantity), trim_scale(c.fixed_amount), c.tiers::text, c.inverted, trim_scale(c.max_order),
        trim_scale(c.max_symbol), trim_scale(c.max_exposure), c.max_positions, trim_scale(c.max_leverage),
        trim_scale(c.max_daily_loss), trim_scale(c.max_slippage_percent), c.max_signal_age_seconds, c.allowed_symbols,
        c.denied_symbols, c.minimum_policy, c.trading_hours::text, c.market_id, c.position_side,
        trim_scale(coalesce(c.position, 0)), trim_scale(coalesce(c.remainder, 0)), c.leader_opened_at,
        trim_scale(coalesce(d.fees - d.realized_pnl, 0)), coalesce(taken.leader_symbol, ''),
        coalesce(mine.open_positions, 0) + coalesce(under.new_positions, 0),
        trim_scale(coalesce(mine.symbol_worth, 0) + coalesce(under.symbol_worth, 0)),
        trim_scale(coalesce(mine.worth, 0) + coalesce(under.worth, 0)),
        trim_scale(coalesce(every.worth, 0) + coalesce(flying.worth, 0)), coalesce(opposite.leader, ''),
        coalesce(under.earlier, false), coalesce(under.entering, false), trim_scale(coalesce(held.closable, 0)),
        others.leaving IS NOT NULL, trim_scale(coalesce(others.leaving, 0)),
        CASE WHEN %(exits)s AND abs(c.position) > coalesce(held.closable, 0) THEN EXISTS (
            SELECT FROM orders_fill f JOIN orders_order o ON o.id = f.order_id AND o.cause_id IS NOT NULL
            WHERE f.account_id = c.account_id AND f.awaits_copy AND f.market_id = c.market_id)
        ELSE false END, trim_scale(coalesce(parts.worth, 0)), trim_scale(coalesce(parts.carried, 0))
    FROM (
        SELECT c.*, t.venue AS at, coalesce(p.market_id, t.market_id) AS market_id, t.market_id AS target,
            p.side AS position_side, p.quantity AS position, p.remainder, p.leader_opened_at,
            CASE WHEN (%(side)s = 'LONG') <> c.inverted THEN 'LONG' ELSE 'SHORT' END AS own_side
        FROM ({CHOSEN}) AS c JOIN orders_tradingaccount a ON a.id = c.account_id
        LEFT JOIN json_to_recordset(%(markets)s) AS t(venue text, market_id bigint) ON t.venue = a.venue
        LEFT JOIN LATERAL (
            SELECT * FROM replication_copyposition p WHERE p.copy_id = c.id AND p.leader_symbol = %(symbol)s
                AND p.leader_side = %(side)s AND (%(exits)s OR p.market_id = t.market_id)
            ORDER BY p.quantity = 0, p.id DESC LIMIT 1
        ) p ON true OFFSET 0
    ) AS c
    JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_paperaccount paper ON a.mode = 'paper' AND paper.key = a.key::text
    LEFT JOIN replication_copyday d ON d.copy_id = c.id AND d.date = %(today)s
    LEFT JOIN LATERAL (
        SELECT max(x.leverage) AS leverage,
            sum(greatest(CASE WHEN c.position_side = 'LONG' THEN x.quantity ELSE -x.quantity END, 0))
                FILTER (WHERE %(exits)s AND c.position <> 0 AND x.side IN ('BOTH', c.position_side)) AS closable
        FROM orders_holding x WHERE (x.account_id, x.market_id) = (c.account_id, c.market_id) OFFSET 0
    ) held ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned') AS worth,
            sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned' AND i.market_id = c.market_id)
                AS symbol_worth,
            count(DISTINCT (i.market_id, CASE WHEN a.hedge_mode THEN i.side END))
                FILTER (WHERE NOT i.exits AND i.state = 'planned'
                AND (i.market_id IS DISTINCT FROM c.market_id OR (a.hedge_mode AND i.side <> c.own_side))
                AND NOT EXISTS (
                    SELECT FROM replication_copyposition o JOIN markets_market m ON m.id = o.market_id
                    WHERE o.copy_id = c.id AND o.market_id = i.market_id AND (o.side = i.side OR NOT a.hedge_mode)
                        AND abs(o.quantity) > 0
                        AND abs(o.quantity) >= coalesce(m.quantity_step, 0) OFFSET 0)) AS new_positions,
            bool_or((%(exits)s OR i.exits) AND i.market_id = c.market_id AND i.id < coalesce(
                (SELECT id FROM replication_copyintent WHERE (copy_id, signal_id) = (c.id, %(signal)s)),
                9223372036854775807)) AS earlier,
            bool_or(NOT i.exits AND i.state = 'planned' AND i.market_id = c.market_id) AS entering
        FROM replication_copyintent i WHERE i.copy_id = c.id AND i.state IN ('waiting', 'planned') OFFSET 0
    ) under ON true
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE q.quantity <> 0 AND abs(q.quantity) >= coalesce(m.quantity_step, 0))
                AS open_positions, sum(q.realized_pnl - q.fees) AS realized,
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END) AS worth,
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)
                FILTER (WHERE q.market_id = c.market_id) AS symbol_worth
        FROM (SELECT * FROM replication_copyposition q WHERE NOT %(exits)s AND q.copy_id = c.id OFFSET 0) AS q
        JOIN markets_market m ON m.id = q.market_id OFFSET 0
    ) mine ON true
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN m.kind = 'coin_m' THEN abs(h.quantity) * m.contract_size ELSE abs(h.cost) END) AS worth
        FROM (
            SELECT * FROM orders_holding h
            WHERE NOT %(exits)s AND a.max_worth IS NOT NULL AND h.account_id = c.account_id OFFSET 0
        ) AS h
        JOIN markets_market m ON m.id = h.market_id WHERE h.quantity <> 0 OFFSET 0
    ) every ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth) AS worth
        FROM (
            SELECT id FROM replication_copy o
            WHERE NOT %(exits)s AND a.max_worth IS NOT NULL AND o.account_id = c.account_id OFFSET 0
        ) AS o
        JOIN LATERAL (
            SELECT worth FROM replication_copyintent i
            WHERE i.copy_id = o.id AND i.state = 'planned' AND NOT i.exits OFFSET 0
        ) i ON true OFFSET 0
    ) flying ON true
    LEFT JOIN LATERAL (
        SELECT o.leader_symbol FROM (
            SELECT * FROM replication_copyposition o
            WHERE NOT %(exits)s AND (o.copy_id, o.market_id, o.side) = (c.id, c.target, c.own_side) OFFSET 0
        ) o JOIN markets_market m ON m.id = o.market_id
        WHERE (o.leader_symbol, o.leader_side) <> (%(symbol)s, %(side)s)
            AND ((o.quantity <> 0 AND abs(o.quantity) >= coalesce(m.quantity_step, 0)) OR EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = c.target
                    AND i.side = o.side AND i.state IN ('waiting', 'planned') OFFSET 0))
        OFFSET 0
    ) taken ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(nullif(l.nickname, ''), l.external_id) AS leader
        FROM (
            SELECT id, trader_id FROM replication_copy o
            WHERE NOT %(exits)s AND NOT a.hedge_mode AND o.account_id = c.account_id ORDER BY id OFFSET 0
        ) oc JOIN traders_leadtrader l ON l.id = oc.trader_id
        WHERE EXISTS (
            SELECT FROM replication_copyposition o JOIN orders_holding x ON x.account_id = c.account_id
                AND x.market_id = o.market_id AND x.quantity <> 0 AND (x.quantity > 0) = (o.quantity > 0)
            WHERE o.copy_id = oc.id AND o.market_id = c.target AND abs(o.quantity) > 0
                AND (o.quantity > 0) <> (c.own_side = 'LONG') AND NOT (oc.id = c.id AND EXISTS (
                    SELECT FROM replication_copyintent e WHERE e.copy_id = oc.id AND e.market_id = o.market_id
                        AND e.exits AND e.state IN ('waiting', 'planned') AND e.id < coalesce(
                            (SELECT id FROM replication_copyintent WHERE (copy_id, signal_id) = (c.id, %(signal)s)),
                            9223372036854775807) OFFSET 0)) OFFSET 0
        ) OR EXISTS (
            SELECT FROM replication_copyintent i WHERE i.copy_id = oc.id AND i.market_id = c.target
                AND i.state = 'planned' AND NOT i.exits AND i.side <> c.own_side OFFSET 0)
        LIMIT 1
    ) opposite ON true
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN i.exits AND i.side = c.position_side THEN i.quantity - i.filled_quantity ELSE 0 END)
            AS leaving
        FROM (
            SELECT id FROM replication_copy o WHERE %(exits)s AND c.position <> 0 AND o.account_id = c.account_id
                AND o.id <> c.id OFFSET 0
        ) o JOIN LATERAL (
            SELECT * FROM replication_copyintent i
            WHERE (i.copy_id, i.market_id) = (o.id, c.market_id) AND i.state = 'planned' OFFSET 0
        ) i ON true OFFSET 0
    ) others ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth * CASE WHEN i.state = 'partial' THEN i.filled_quantity / nullif(i.quantity, 0) ELSE 1 END)
                FILTER (WHERE i.state IN ('planned', 'filled', 'partial')) AS worth,
            CASE WHEN NOT bool_or(i.capped <> '[]') THEN
                sum(i.wanted_quantity - i.quantity - coalesce((i.numbers ->> 'set_off')::numeric, 0)) FILTER (
                    WHERE i.signal_id > %(closed)s AND i.signal_id < %(signal)s
                        AND (i.state NOT IN ('waiting', 'skipped') OR i.code = 'BELOW_MINIMUM'))
            END AS carried
        FROM replication_copyintent i WHERE i.signal_id = ANY(%(parts)s::bigint[]) AND i.copy_id = c.id OFFSET 0
    ) parts ON true
    ORDER BY c.id
"""
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

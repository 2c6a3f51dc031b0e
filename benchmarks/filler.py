"""Rows in bulk, made by the database itself: leaders with months of trades behind them."""

from django.db import connection
from django.utils import timezone

from benchmarks.reports import lead_id, symbol_names
from copytrade.lib.sql import run
from traders.services.rebuild import rebuild

TABLES = (
    "traders_leadtrader",
    "traders_tradeevent",
    "traders_position",
    "traders_positionsnapshot",
    "traders_dailystat",
    "traders_score",
    "traders_symbolaggregate",
    "traders_sourcefreshness",
    "ingest_ingestbatch",
    "realtime_streamevent",
)
LEADERS = """
    INSERT INTO traders_leadtrader (platform, external_id, nickname, avatar_url, status, staff_note,
                                    positions_visible, is_demo, raw, created_at, updated_at)
    SELECT 'binance', (%(base)s + n)::text, 'Leader ' || n, '', 'candidate', '', true, false, '{}', now(), now()
    FROM generate_series(1, %(leaders)s) AS n
    ON CONFLICT DO NOTHING
"""
FRESHNESS = """
    INSERT INTO traders_sourcefreshness (trader_id, source, reported_at, received_at, positions_at, announced_stale)
    SELECT id, 'binance_copytrade', now(), now(), now(), false FROM traders_leadtrader
    ON CONFLICT DO NOTHING
"""
# Trades are spread evenly over 90 days. A few leaders and a few symbols have most of them.
EVENTS = """
    INSERT INTO traders_tradeevent (trader_id, event_key, canonical_key, kind, symbol, price, amount, amount_asset,
        realized_pnl, event_time, event_time_text, time_is_exact, fetched_at, created_at, raw)
    SELECT leader.id, concat_ws('|', 'binance', external_id, kind, symbol, told, amount, price) || '#' || n,
        encode(sha256(n::text::bytea), 'hex'), kind, symbol, price, amount, replace(symbol, 'USDT', ''),
        pnl, at, told, false, at, at,
        jsonb_build_object('platform', 'binance', 'leadId', external_id, 'eventTimeText', told, 'eventType', kind,
            'symbol', symbol, 'price', price, 'amount', amount, 'realizedPnl', pnl, 'fetchedAt', at)
    FROM (
        SELECT n, kind, (%(symbols)s::text[])[rank] AS symbol, %(base)s + leader_rank AS lead_id,
            round((100000 / rank ^ 2 * (0.9 + draw / 5))::numeric, 2) AS price,
            round((1 + draw * 500)::numeric, 3) AS amount,
            CASE WHEN kind LIKE 'CLOSE%%' THEN round((draw * 220 - 100)::numeric, 2) END AS pnl,
            at, to_char(at AT TIME ZONE 'UTC', 'MM-DD, HH24:MI:SS') AS told
        FROM (
            SELECT n, 1 + floor(power(random(), 2) * cardinality(%(symbols)s::text[]))::int AS rank,
                1 + floor(power(random(), 1.5) * %(leaders)s)::bigint AS leader_rank, random() AS draw,
                (ARRAY['OPEN_LONG', 'CLOSE_LONG', 'OPEN_SHORT', 'CLOSE_SHORT'])[1 + floor(random() * 4)::int] AS kind,
                now() - (%(first)s + %(count)s - n) * (interval '90 days' / %(count)s) AS at
            FROM generate_series(%(first)s + 1, %(first)s + %(count)s) AS n
        ) AS draws
    ) AS trades
    JOIN traders_leadtrader AS leader ON leader.platform = 'binance' AND leader.external_id = trades.lead_id::text
"""
POSITIONS = """
    INSERT INTO traders_position (id, trader_id, symbol, side, contract_type, leverage, size, size_asset, entry_price,
        mark_price, margin_usdt, margin_type, pnl_usdt, roe_pct, fetched_at, opened_at, raw)
    SELECT gen_random_uuid(), id, (%(symbols)s::text[])[1 + (id * 7 + k * 4) %% cardinality(%(symbols)s::text[])],
        'LONG', 'PERP', 20, 12.345, 'X', 1234.56, 1240.1, 762.04, 'CROSS', 68.4, 8.97, now(), now(), '{}'
    FROM traders_leadtrader AS leader, generate_series(0, 14) AS k
    WHERE NOT EXISTS (SELECT FROM traders_position WHERE trader_id = leader.id)
"""
SNAPSHOTS = """
    INSERT INTO traders_positionsnapshot (trader_id, position_id, change, symbol, side, contract_type, leverage, size,
        size_asset, entry_price, mark_price, margin_usdt, margin_type, pnl_usdt, roe_pct, fetched_at, created_at)
    SELECT trader_id, gen_random_uuid(), 'updated', symbol, 'LONG', 'PERP', 20, amount, amount_asset, price, price,
        amount, 'CROSS', realized_pnl, 1.23, event_time, event_time
    FROM traders_tradeevent WHERE id %% 5 = 0 AND id > %(first)s
"""
BATCHES = """
    INSERT INTO ingest_ingestbatch (id, source, form, trader_id, key_name, received_at, fetched_at, outcome,
        events_inserted, events_skipped, positions_inserted, positions_closed, body_bytes, milliseconds, note, errors)
    SELECT gen_random_uuid(), 'binance_copytrade', 'normalised', trader_id, 'environment', event_time, event_time,
        'stored', 18, 2, 3, 0, 12000, 9, '', '[]'
    FROM traders_tradeevent WHERE id %% 20 = 0 AND id > %(first)s
"""
STREAM = """
    INSERT INTO realtime_streamevent (seq, size, messages, created_at)
    SELECT n, 1, '[{"event":"trade:new","streams":["all"],"data":{"note":"' || repeat('x', 300) || '"}}]',
        now() - interval '1 hour'
    FROM generate_series(%(first)s + 1, %(first)s + %(count)s / 20) AS n
"""
PLACED = """
    INSERT INTO realtime_streamposition (id, last_seq) SELECT 1, max(seq) FROM realtime_streamevent
    ON CONFLICT (id) DO UPDATE SET last_seq = excluded.last_seq
"""


def fill(*, leaders: int, symbols: int, events: int) -> dict[str, int]:
    """Bring the leaders to this number, add so many events and what goes with them; return the rows by table."""
    parameters = {
        "base": int(lead_id(0)),
        "leaders": leaders,
        "symbols": symbol_names(symbols),
        "first": run("SELECT coalesce(max(id), 0) FROM traders_tradeevent")[0][0],
        "count": events,
    }
    run("SET statement_timeout = 0")
    run("SELECT setseed(0.5)")
    for statement in (LEADERS, FRESHNESS, EVENTS, POSITIONS, SNAPSHOTS, BATCHES, STREAM, PLACED):
        run(statement, parameters)
    rebuild(now=timezone.now())
    settle()
    return row_counts()


def settle() -> None:
    """Let the database finish what bulk rows leave behind, so that it does not do so while something is measured."""
    run("VACUUM (ANALYZE)")
    run("CHECKPOINT")


def row_counts() -> dict[str, int]:
    """Return how many rows each table has."""
    return {table: run(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def postgres_version() -> str:
    """Return the server's version."""
    connection.ensure_connection()
    return str(run("SHOW server_version")[0][0]).split()[0]

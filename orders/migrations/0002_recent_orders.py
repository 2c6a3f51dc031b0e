"""The list of recent orders, kept by the database: whatever writes orders, and however many at once."""

from django.db import migrations

# A statement-level trigger runs once per statement, over all of its rows: a bulk insert of a thousand is one run.
# Who finishes orders in a market of an account waits for whoever else does: both would count without the other's
# order and leave four. The locks are taken in one order, and each statement after them sees what was committed before.
CREATE = """
CREATE FUNCTION orders_is_final(state text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN state IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED');

CREATE FUNCTION orders_recent_prune(finished bigint[]) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(pair.lock)
    FROM (
        SELECT DISTINCT hashtextextended('orders_recent ' || account_id || ' ' || market_id, 0) AS lock
        FROM orders_order WHERE id = ANY (finished)
        ORDER BY 1
    ) AS pair;
    DELETE FROM orders_recentorder WHERE order_id IN (
        SELECT ranked.order_id
        FROM (
            SELECT recent.order_id, row_number() OVER (
                PARTITION BY recent.account_id, recent.market_id
                ORDER BY recent.finished_at DESC, recent.order_id DESC
            ) AS place
            FROM orders_recentorder AS recent
            JOIN (
                SELECT DISTINCT account_id, market_id FROM orders_order WHERE id = ANY (finished)
            ) AS pair USING (account_id, market_id)
            WHERE recent.finished_at IS NOT NULL
        ) AS ranked
        WHERE ranked.place > 3
    );
END
$$;

CREATE FUNCTION orders_recent_inserted() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    finished bigint[];
BEGIN
    INSERT INTO orders_recentorder (order_id, account_id, market_id, finished_at)
    SELECT id, account_id, market_id,
           CASE WHEN orders_is_final(state) THEN coalesce(finished_at, updated_at) END
    FROM added WHERE origin = 'proxy'
    ON CONFLICT (order_id) DO NOTHING;
    SELECT array_agg(id) INTO finished FROM added WHERE origin = 'proxy' AND orders_is_final(state);
    IF finished IS NOT NULL THEN
        PERFORM orders_recent_prune(finished);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION orders_recent_updated() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    turned bigint[];
    finished bigint[];
BEGIN
    SELECT array_agg(id), array_agg(id) FILTER (WHERE orders_is_final(later.state))
    INTO turned, finished
    FROM changed AS later JOIN replaced AS earlier USING (id)
    WHERE later.origin = 'proxy' AND orders_is_final(later.state) <> orders_is_final(earlier.state);
    IF turned IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO orders_recentorder (order_id, account_id, market_id, finished_at)
    SELECT id, account_id, market_id,
           CASE WHEN orders_is_final(state) THEN coalesce(finished_at, updated_at) END
    FROM changed WHERE id = ANY (turned)
    ON CONFLICT (order_id) DO UPDATE SET finished_at = excluded.finished_at;
    IF finished IS NOT NULL THEN
        PERFORM orders_recent_prune(finished);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER orders_recent_inserted AFTER INSERT ON orders_order
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_recent_inserted();
CREATE TRIGGER orders_recent_updated AFTER UPDATE ON orders_order
    REFERENCING OLD TABLE AS replaced NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION orders_recent_updated();
"""
DROP = """
DROP TRIGGER orders_recent_updated ON orders_order;
DROP TRIGGER orders_recent_inserted ON orders_order;
DROP FUNCTION orders_recent_updated();
DROP FUNCTION orders_recent_inserted();
DROP FUNCTION orders_recent_prune(bigint[]);
DROP FUNCTION orders_is_final(text);
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]

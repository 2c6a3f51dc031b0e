"""An order that is open again stays on the list of recent ones, also where another one finishes at the same moment."""

from django.db import migrations

PRUNE = """
CREATE OR REPLACE FUNCTION orders_recent_prune(finished bigint[]) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(pair.lock)
    FROM (
        SELECT DISTINCT hashtextextended('orders_recent ' || account_id || ' ' || market_id, 0) AS lock
        FROM orders_order WHERE id = ANY (finished)
        ORDER BY 1
    ) AS pair;
    DELETE FROM orders_recentorder WHERE {condition}order_id IN (
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
"""
# Whoever reopens an order takes no such lock. A row that changed while the statement waited for it is looked at again,
# but what was ranked is not ranked anew: so the row itself has to say that it is still a finished one.
STILL_FINISHED = "finished_at IS NOT NULL AND "


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_copies")]

    operations = [migrations.RunSQL(PRUNE.format(condition=STILL_FINISHED), PRUNE.format(condition=""))]

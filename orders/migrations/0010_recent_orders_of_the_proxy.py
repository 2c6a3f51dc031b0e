"""The list of recent orders costs orders of others nothing: rows are picked one by one, and looked at once a statement.

Transition tables copied each row that any statement touched: a fifth of what PostgreSQL did for the orders of copies.
The rows that concern the list are noted by a trigger whose condition passes them only; the trigger of the statement
then takes its locks in one order, as before.
"""

from django.db import migrations

CREATE = """
DROP TRIGGER orders_recent_updated ON orders_order;
DROP TRIGGER orders_recent_inserted ON orders_order;
DROP FUNCTION orders_recent_updated();
DROP FUNCTION orders_recent_inserted();

CREATE FUNCTION orders_recent_note() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('copytrade.recent_orders', concat_ws(
        ',', nullif(current_setting('copytrade.recent_orders', true), ''), NEW.id::text), true);
    RETURN NULL;
END
$$;

CREATE FUNCTION orders_recent_take() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    noted bigint[];
    finished bigint[];
BEGIN
    IF coalesce(current_setting('copytrade.recent_orders', true), '') = '' THEN
        RETURN NULL;
    END IF;
    noted := string_to_array(current_setting('copytrade.recent_orders'), ',')::bigint[];
    PERFORM set_config('copytrade.recent_orders', '', true);
    INSERT INTO orders_recentorder (order_id, account_id, market_id, finished_at)
    SELECT id, account_id, market_id,
           CASE WHEN orders_is_final(state) THEN coalesce(finished_at, updated_at) END
    FROM orders_order WHERE id = ANY (noted)
    ON CONFLICT (order_id) DO UPDATE SET finished_at = excluded.finished_at;
    SELECT array_agg(id) INTO finished FROM orders_order WHERE id = ANY (noted) AND orders_is_final(state);
    IF finished IS NOT NULL THEN
        PERFORM orders_recent_prune(finished);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER orders_recent_note_inserted AFTER INSERT ON orders_order
    FOR EACH ROW WHEN (NEW.origin = 'proxy') EXECUTE FUNCTION orders_recent_note();
CREATE TRIGGER orders_recent_note_updated AFTER UPDATE ON orders_order
    FOR EACH ROW WHEN (NEW.origin = 'proxy' AND orders_is_final(NEW.state) <> orders_is_final(OLD.state))
    EXECUTE FUNCTION orders_recent_note();
CREATE TRIGGER orders_recent_take AFTER INSERT OR UPDATE ON orders_order
    FOR EACH STATEMENT EXECUTE FUNCTION orders_recent_take();
"""
DROP = """
DROP TRIGGER orders_recent_take ON orders_order;
DROP TRIGGER orders_recent_note_updated ON orders_order;
DROP TRIGGER orders_recent_note_inserted ON orders_order;
DROP FUNCTION orders_recent_take();
DROP FUNCTION orders_recent_note();

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


class Migration(migrations.Migration):
    dependencies = [("orders", "0009_fewer_indexes")]

    operations = [migrations.RunSQL(CREATE, DROP)]

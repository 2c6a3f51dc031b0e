from django.db import migrations

UNASKED = {
    "orders_order": [
        *("position_side", "time_in_force", "quantity", "quote_quantity", "price", "stop_price", "working_type"),
        *("price_protect", "callback_rate", "activation_price", "extra", "reason_code", "reason", "filled_quantity"),
        *("filled_quote", "average_price", "booked_quantity", "venue_response", "attempts", "attempts_allowed"),
        *("checks", "absent_since", "claimed_at", "sent_at", "acknowledged_at"),
    ],
    "orders_fill": ["price", "quantity", "quote_quantity", "fee", "fee_asset", "is_maker", "venue_pnl"],
    "orders_orderevent": ["from_state", "to_state", "source", "code", "message", "filled_quantity"],
}


def statistics(table: str, target: int) -> str:
    """Return the statement that sets what PostgreSQL finds out about columns that no search asks for."""
    return f"ALTER TABLE {table} {', '.join(f'ALTER COLUMN {name} SET STATISTICS {target}' for name in UNASKED[table])}"


class Migration(migrations.Migration):
    """Analysing the largest tables, which PostgreSQL does beside every burst of orders, takes less than half as long."""

    dependencies = [
        ("orders", "0018_fills_without_holding_index"),
    ]

    operations = [migrations.RunSQL(statistics(table, 0), statistics(table, -1)) for table in UNASKED]

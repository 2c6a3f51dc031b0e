from django.db import migrations

TABLES = ("replication_copyposition", "replication_copyday")


class Migration(migrations.Migration):
    """Rows that each trade changes keep room beside them: then their indexes need no new entries."""

    dependencies = [
        ("replication", "0012_resumed_at"),
    ]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (fillfactor = 60)",
            f"ALTER TABLE {table} RESET (fillfactor)",
        )
        for table in TABLES
    ]

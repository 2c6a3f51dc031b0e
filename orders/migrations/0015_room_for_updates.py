from django.db import migrations


class Migration(migrations.Migration):
    """Rows that each trade changes keep room beside them: then their indexes need no new entries."""

    dependencies = [
        ("orders", "0014_keys_of_dealers"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE orders_holding SET (fillfactor = 60)",
            "ALTER TABLE orders_holding RESET (fillfactor)",
        ),
    ]

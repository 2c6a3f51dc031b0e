from django.db import migrations


class Migration(migrations.Migration):
    """The unique index of trades begins with account and market as well: there is one index less to write for each."""

    dependencies = [
        ("orders", "0017_orders_without_keys"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="fill", name="orders_fill_holding"),
    ]

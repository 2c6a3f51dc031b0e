"""Exits are tried for as long as it takes: their attempts need more than two bytes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replication", "0002_adjustments")]

    operations = [
        migrations.AlterField(
            model_name="copyintent",
            name="attempts",
            field=models.PositiveIntegerField(default=1),
        ),
    ]

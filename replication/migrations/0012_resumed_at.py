from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("replication", "0011_whose_pause"),
    ]

    operations = [
        migrations.AddField(
            model_name="copy",
            name="resumed_at",
            field=models.DateTimeField(null=True, editable=False, help_text="What was traded before is not entered."),
        ),
    ]

from django.db import migrations, models

# Who paused what is paused already stands in the reason.
WHO = """
    UPDATE replication_copy SET paused_by_staff = state_reason = 'Paused by staff.',
        paused_by_owner = state_reason <> 'Paused by staff.' WHERE state = 'paused'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("replication", "0010_closed_to_tell"),
    ]

    operations = [
        migrations.AddField(
            model_name="copy",
            name="paused_by_owner",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RunSQL(WHO, migrations.RunSQL.noop),
    ]

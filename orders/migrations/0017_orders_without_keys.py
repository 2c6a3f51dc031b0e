from django.db import migrations


class Migration(migrations.Migration):
    """An order's client order id, unique in its account, is all that names it."""

    dependencies = [
        ("orders", "0016_answers_verbatim"),
    ]

    operations = [
        migrations.RemoveField(model_name="order", name="key"),
    ]

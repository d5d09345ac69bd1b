"""Whether an organisation asks for a second factor, and which sessions began in a browser never seen before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_audit_is_not_truncated"),
    ]

    operations = [
        migrations.AddField(
            model_name="org",
            name="requires_two_factor",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="session",
            name="is_new_device",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]

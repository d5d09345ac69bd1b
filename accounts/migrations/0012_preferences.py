"""What people choose for themselves: how they see logs, what they have put away."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_identity_providers")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="preferences",
            field=models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                editable=False,
            ),
        ),
    ]

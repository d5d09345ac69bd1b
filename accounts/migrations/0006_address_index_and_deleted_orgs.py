"""Find people by their address whatever its case, and let organisations be deleted in two steps."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_addresses_may_change")]

    operations = [
        migrations.AddField(
            model_name="org",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(django.db.models.functions.text.Upper("email"), name="users_email_upper_idx"),
        ),
    ]

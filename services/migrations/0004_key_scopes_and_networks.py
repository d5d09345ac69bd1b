"""What a key may do, until when and from where; and from where it was last used."""

import django.contrib.postgres.fields
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import services.models


class Migration(migrations.Migration):
    dependencies = [
        ("services", "0003_key_labels_and_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_address",
            field=models.GenericIPAddressField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="networks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=services.models.NetworkField(), blank=True, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(choices=[("logs", "Send logs"), ("deployments", "Report deployments")]),
                db_default=django.db.models.expressions.RawSQL("'{logs,deployments}'::text[]", []),
                default=services.models.both_scopes,
                size=None,
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("scopes__contained_by", ["logs", "deployments"]), ("scopes__len__gt", 0)),
                name="api_keys_scopes_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("networks", None), ("networks__len__gt", 0), _connector="OR"),
                name="api_keys_networks_check",
            ),
        ),
    ]

"""Providers that the members of an organisation sign in by."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_two_factor_policy_and_new_devices"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdentityProvider",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.TextField()),
                ("issuer", models.TextField()),
                ("client_id", models.TextField()),
                ("client_secret_encrypted", models.TextField()),
                (
                    "domains",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("speaks_for_domains", models.BooleanField(db_default=False, default=False)),
                ("group_claim", models.TextField(default="groups")),
                ("roles", models.JSONField(blank=True, default=dict)),
                (
                    "default_role",
                    models.TextField(
                        choices=[("viewer", "Viewer"), ("developer", "Developer"), ("admin", "Admin")], default="viewer"
                    ),
                ),
                ("enabled", models.BooleanField(db_default=True, default=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "org",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="identity_provider",
                        to="accounts.org",
                    ),
                ),
            ],
            options={
                "db_table": "identity_providers",
            },
        ),
        add_foreign_key("identity_providers", "org_id", "orgs", on_delete="CASCADE"),
    ]

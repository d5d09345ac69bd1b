"""What sign-up and invitations need: proved addresses, who is of the demo, and suspended organisations."""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import accounts.models
import accounts.passwords
from pulseops.core.db.sql import add_foreign_key

# Older accounts keep their rights: their addresses count as proved, unless their owners have changed them since, for
# nothing was ever sent to those. The demo's three accounts do not close the sign-up of the first account.
ACCOUNTS_OF_BEFORE = """
UPDATE users SET email_verified_at = created_at WHERE NOT EXISTS (
    SELECT FROM audit_logs WHERE action = 'user.email_changed' AND actor_user_id = users.id
);
UPDATE users SET is_demo = true WHERE email IN
    ('demo@pulseops.example', 'dana@pulseops.example', 'vik@pulseops.example');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_address_index_and_deleted_orgs"),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="mail_problem",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="invitation",
            name="mailed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="org",
            name="purged_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="org",
            name="suspended_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="org",
            name="suspended_reason",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="email_verified_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="is_demo",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.CreateModel(
            name="PendingAddress",
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
                ("email", models.TextField()),
                ("name", models.TextField(blank=True, null=True)),
                ("org_name", models.TextField(blank=True, db_default="", default="")),
                (
                    "password",
                    accounts.passwords.PasswordHashField(db_column="password_hash", db_default="", default=""),
                ),
                ("token_hash", models.TextField(null=True, unique=True)),
                ("expires_at", models.DateTimeField(default=accounts.models.pending_address_expiry)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "pending_addresses",
                "indexes": [models.Index(fields=["expires_at"], name="pending_addresses_expires_idx")],
            },
        ),
        add_foreign_key("pending_addresses", "user_id", "users", on_delete="CASCADE"),
        migrations.RunSQL(ACCOUNTS_OF_BEFORE, reverse_sql=migrations.RunSQL.noop),
    ]

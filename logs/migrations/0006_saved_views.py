"""Views of the explorer that people save, private or for the organisation."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_address_index_and_deleted_orgs"),
        ("logs", "0005_count_by_minute"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("params", models.JSONField(default=dict)),
                ("is_shared", models.BooleanField(default=False)),
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
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_log_views",
                "indexes": [models.Index(fields=["owner"], name="saved_log_views_owner_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("org", "owner", "name"), name="saved_log_views_org_id_owner_id_name_key"
                    )
                ],
            },
        ),
        add_foreign_key("saved_log_views", "org_id", "orgs", on_delete="CASCADE"),
        add_foreign_key("saved_log_views", "owner_id", "users", on_delete="CASCADE"),
    ]

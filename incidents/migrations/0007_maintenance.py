"""Windows of maintenance, in which incidents open silently."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


def _to(model: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=model,
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_identity_providers"),
        ("incidents", "0006_escalation"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="incident", name="silenced_until", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ends_at", models.DateTimeField()),
                ("reason", models.TextField(blank=True, default="")),
                ("created_by", _to(settings.AUTH_USER_MODEL, null=True)),
                ("environment", _to("services.environment", null=True)),
                ("org", _to("accounts.org")),
                ("service", _to("services.service")),
            ],
            options={
                "db_table": "maintenance_windows",
                "indexes": [models.Index(fields=["org", "ends_at"], name="maintenance_windows_org_idx")],
            },
        ),
        add_foreign_key("maintenance_windows", "org_id", "orgs", on_delete="CASCADE"),
        add_foreign_key("maintenance_windows", "service_id", "services", on_delete="CASCADE"),
        add_foreign_key("maintenance_windows", "environment_id", "environments", on_delete="CASCADE"),
        add_foreign_key("maintenance_windows", "created_by_id", "users", on_delete="SET NULL"),
    ]

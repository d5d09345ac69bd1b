"""What an incident needs beyond its documented columns, and that a rule has one live incident for each scope."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key, run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_addresses_may_change"),
        ("incidents", "0002_manage"),
        ("services", "0003_key_labels_and_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        run_sql_file(__file__, "0003_one_live_incident.sql"),
        migrations.AddField(
            model_name="incident",
            name="assignee",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="incident",
            name="detections",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="incident",
            name="evidence_json",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="investigating_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="last_seen_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="incidentevent",
            name="happened_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["open", "investigating"])),
                fields=("rule_id", "fingerprint"),
                name="incidents_live_key",
            ),
        ),
        add_foreign_key("incidents", "assignee_id", "users", on_delete="SET NULL"),
    ]

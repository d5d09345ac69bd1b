"""Rules can be muted and say what is wrong with them; firings know their environment and incident."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0002_manage"),
        ("incidents", "0003_detections_and_assignees"),
        ("services", "0003_key_labels_and_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="alertfiring",
            name="clear_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alertfiring",
            name="count",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="alertfiring",
            name="environment",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="services.environment",
            ),
        ),
        migrations.AddField(
            model_name="alertfiring",
            name="incident",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="firings",
                to="incidents.incident",
            ),
        ),
        migrations.AddField(
            model_name="alertfiring",
            name="last_seen_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alertrule",
            name="muted_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alertrule",
            name="problem",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="AlertPending",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
                (
                    "environment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.environment",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="pending",
                        to="alerts.alertrule",
                    ),
                ),
            ],
            options={
                "verbose_name": "pending alert",
                "db_table": "alert_pendings",
                "constraints": [models.UniqueConstraint(fields=("rule", "environment"), name="alert_pendings_key")],
            },
        ),
        add_foreign_key("alert_firings", "environment_id", "environments", on_delete="CASCADE"),
        add_foreign_key("alert_firings", "incident_id", "incidents", on_delete="SET NULL"),
        add_foreign_key("alert_pendings", "rule_id", "alert_rules", on_delete="CASCADE"),
        add_foreign_key("alert_pendings", "environment_id", "environments", on_delete="CASCADE"),
    ]

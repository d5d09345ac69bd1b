"""Incidents that are not acknowledged are brought up again, by policies; and an incident can be snoozed."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_identity_providers"), ("incidents", "0005_find_live_incidents")]

    operations = [
        migrations.AddField(
            model_name="incident", name="escalated_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="incident", name="escalation_steps", field=models.IntegerField(db_default=0, default=0)
        ),
        migrations.AddField(
            model_name="incident", name="reopened_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="incident", name="snoozed_until", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.CreateModel(
            name="EscalationPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "severity",
                    models.TextField(
                        blank=True, choices=[("low", "Low"), ("med", "Medium"), ("high", "High")], null=True
                    ),
                ),
                ("rule_id", models.BigIntegerField(blank=True, null=True)),
                ("after_minutes", models.IntegerField()),
                ("repeats", models.IntegerField()),
                ("channels_json", models.JSONField(default=list)),
                (
                    "org",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="escalation_policies",
                        to="accounts.org",
                    ),
                ),
            ],
            options={
                "db_table": "escalation_policies",
                "verbose_name_plural": "escalation policies",
                "constraints": [
                    models.UniqueConstraint(fields=("org", "severity"), name="escalation_policies_severity_key"),
                    models.UniqueConstraint(fields=("org", "rule_id"), name="escalation_policies_rule_key"),
                    models.CheckConstraint(
                        condition=models.Q(("severity__isnull", True), ("rule_id__isnull", True), _connector="XOR"),
                        name="escalation_policies_target_check",
                    ),
                ],
            },
        ),
        add_foreign_key("escalation_policies", "org_id", "orgs", on_delete="CASCADE"),
    ]

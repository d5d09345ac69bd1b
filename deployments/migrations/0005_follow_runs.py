"""Room for what a run tells: its key and attempt, its times, its result; and a delivery log for each integration."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key, run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_sign_in_invite_audit"),
        ("deployments", "0004_go_with_what_they_belong_to"),
        ("services", "0003_key_labels_and_limits"),
    ]

    operations = [
        # Older installations may have these columns already; their values stay.
        migrations.SeparateDatabaseAndState(
            database_operations=[run_sql_file(__file__, "0005_columns_of_before.sql")],
            state_operations=[
                migrations.AddField(
                    model_name="deployment",
                    name="finished_at",
                    field=models.DateTimeField(blank=True, null=True),
                ),
                migrations.AddField(
                    model_name="deployment",
                    name="outcome",
                    field=models.TextField(blank=True, db_default="", default=""),
                ),
                migrations.AddField(
                    model_name="deployment",
                    name="started_at",
                    field=models.DateTimeField(blank=True, null=True),
                ),
                migrations.AddField(
                    model_name="deployment",
                    name="url",
                    field=models.TextField(blank=True, null=True),
                ),
                migrations.AddField(
                    model_name="githubintegration",
                    name="environment_mapping",
                    field=models.JSONField(blank=True, db_default={}, default=dict),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WebhookEffect",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("delivery_id", models.TextField()),
                ("event_type", models.TextField()),
                ("action", models.TextField(blank=True, default="")),
                ("payload_hash", models.TextField()),
                (
                    "result",
                    models.TextField(choices=[("applied", "Applied"), ("ignored", "Ignored"), ("invalid", "Invalid")]),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("event_json", models.JSONField(blank=True, null=True)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("replayed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "webhook_effects",
            },
        ),
        migrations.AddField(
            model_name="deployment",
            name="certainty",
            field=models.SmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="external_id",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="github_deployment_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="is_commit_known",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="run_attempt",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="run_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="run_label",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deployment",
            name="source",
            field=models.TextField(
                blank=True,
                choices=[
                    ("", "Unknown"),
                    ("push", "GitHub push"),
                    ("workflow_run", "GitHub Actions run"),
                    ("deployment", "GitHub deployment"),
                    ("api", "Deployments API"),
                ],
                db_default="",
                default="",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="status_changed_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, editable=False
            ),
        ),
        migrations.AddField(
            model_name="githubintegration",
            name="environment_names",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="githubintegration",
            name="last_refused_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="githubintegration",
            name="secret_version",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="githubintegration",
            name="workflows",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(
                models.F("org"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="idx_deployments_org_ts",
            ),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(
                models.F("environment"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="idx_deployments_env_ts",
            ),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(fields=["environment", "commit_sha"], name="idx_deployments_env_sha"),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(
                models.F("org"),
                models.F("status_changed_at"),
                condition=models.Q(("status", "failure")),
                name="idx_deployments_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="githubintegration",
            index=models.Index(
                django.db.models.functions.text.Lower("repo_owner"),
                django.db.models.functions.text.Lower("repo_name"),
                name="idx_github_integrations_repo",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["created_at"], name="idx_webhook_deliveries_created"),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                fields=("service", "environment", "run_id", "run_attempt"), name="deployments_run_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                fields=("service", "environment", "github_deployment_id"), name="deployments_github_deployment_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                fields=("service", "environment", "external_id"), name="deployments_external_id_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source", "push")),
                fields=("service", "environment", "commit_sha"),
                name="deployments_push_key",
            ),
        ),
        migrations.AddField(
            model_name="webhookeffect",
            name="deployment",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="effects",
                to="deployments.deployment",
            ),
        ),
        migrations.AddField(
            model_name="webhookeffect",
            name="integration",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="effects",
                to="deployments.githubintegration",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookeffect",
            index=models.Index(
                models.F("integration"),
                models.OrderBy(models.F("received_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="idx_webhook_effects_log",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookeffect",
            index=models.Index(fields=["received_at"], name="idx_webhook_effects_received"),
        ),
        migrations.AddConstraint(
            model_name="webhookeffect",
            constraint=models.UniqueConstraint(
                fields=("integration", "delivery_id"), name="webhook_effects_delivery_key", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookeffect",
            constraint=models.CheckConstraint(
                condition=models.Q(("result__in", ["applied", "ignored", "invalid"])),
                name="webhook_effects_result_check",
            ),
        ),
        add_foreign_key("webhook_effects", "integration_id", "github_integrations", on_delete="CASCADE"),
        add_foreign_key("webhook_effects", "deployment_id", "deployments", on_delete="SET NULL"),
        run_sql_file(__file__, "0005_statuses_of_before.sql"),
    ]

"""Take over deployments, integrations and deliveries that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(
    __file__,
    renamed={
        "deployments": {"actor": "author"},
        "webhook_deliveries": {"event": "event_type", "received_at": "created_at"},
    },
    obsolete_indexes={
        "deployments": {
            "btree (org_id, service_id, environment_id, created_at DESC)": "ours is idx_deployments_env_ts",
            "btree (org_id, created_at DESC)": "ours is idx_deployments_org_ts",
        },
        "webhook_deliveries": {
            "btree (provider, delivery_id)": "delivery ids are unique by themselves",
            "btree (created_at)": "ours is idx_webhook_deliveries_created",
        },
    },
    old_tables=("service_github_integrations",),
    script="0002_values.sql",
)


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="githubintegration", options={"verbose_name": "GitHub integration"}),
        migrations.AlterModelOptions(name="webhookdelivery", options={"verbose_name_plural": "webhook deliveries"}),
        migrations.AlterModelOptions(name="deployment", options={}),
    ]

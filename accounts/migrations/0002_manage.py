"""Take over identity and audit tables that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(
    __file__,
    renamed={"audit_logs": {"target_type": "resource_type", "target_id": "resource_id"}},
    obsolete_indexes={
        "audit_logs": {
            "btree (org_id, created_at DESC)": "ours is audit_logs_org_created_idx",
            "btree (org_id, action, created_at DESC)": "ours is audit_logs_org_action_idx",
        }
    },
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="user", options={}),
        migrations.AlterModelOptions(name="org", options={"verbose_name": "organisation"}),
        migrations.AlterModelOptions(name="membership", options={}),
        migrations.AlterModelOptions(name="auditlog", options={}),
        migrations.AlterModelOptions(name="session", options={}),
    ]

"""Take over incidents that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(
    __file__,
    obsolete_indexes={
        "incidents": {"btree (org_id, rule_id, fingerprint, status) WHERE": "incidents_live_key finds and guards them"}
    },
)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="incident", options={}),
        migrations.AlterModelOptions(name="incidentevent", options={}),
    ]

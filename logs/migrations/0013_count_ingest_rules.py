"""How much the ingest rules of services redacted and dropped, by day."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


def _owner(to: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to=to
    )


class Migration(migrations.Migration):
    dependencies = [("logs", "0012_count_refused_entries"), ("services", "0007_ingest_rules")]

    operations = [
        migrations.CreateModel(
            name="RuleCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("kind", models.CharField(choices=[("redacted", "Redacted"), ("dropped", "Dropped")], max_length=10)),
                ("rule", models.TextField()),
                ("count", models.BigIntegerField()),
                ("org", _owner("accounts.org")),
                ("service", _owner("services.service")),
            ],
            options={
                "db_table": "log_rule_counts",
                "constraints": [
                    models.UniqueConstraint(fields=("service", "day", "kind", "rule"), name="log_rule_counts_key")
                ],
            },
        ),
        add_foreign_key("log_rule_counts", "org_id", "orgs", on_delete="CASCADE"),
        add_foreign_key("log_rule_counts", "service_id", "services", on_delete="CASCADE"),
    ]

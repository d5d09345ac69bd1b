"""What organisations use in a day or a minute, against their quotas."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_proved_addresses_and_closed_sign_up"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrgUsage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("period", models.DateTimeField()),
                ("amount", models.BigIntegerField(db_default=0, default=0)),
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
            ],
            options={
                "db_table": "org_usage",
                "indexes": [models.Index(fields=["period"], name="org_usage_period_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("org", "kind", "period"), name="org_usage_of_a_period")
                ],
            },
        ),
        add_foreign_key("org_usage", "org_id", "orgs", on_delete="CASCADE"),
    ]

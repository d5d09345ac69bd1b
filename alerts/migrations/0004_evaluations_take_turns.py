"""Organisations take turns at the evaluation of their rules, and rules that take too long rest."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_firings_know_their_incident")]

    operations = [
        migrations.AddField(
            model_name="alertrule",
            name="overruns",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="alertrule",
            name="paused_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="AlertEvaluation",
            fields=[
                (
                    "org",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.org",
                    ),
                ),
                ("turn_at", models.DateTimeField()),
                ("evaluated_at", models.DateTimeField(blank=True, null=True)),
                ("round_at", models.DateTimeField(blank=True, null=True)),
                ("next_rule", models.BigIntegerField(blank=True, null=True)),
                ("seconds", models.FloatField(db_default=0, default=0)),
            ],
            options={"db_table": "alert_evaluations"},
        ),
        add_foreign_key("alert_evaluations", "org_id", "orgs", on_delete="CASCADE"),
    ]

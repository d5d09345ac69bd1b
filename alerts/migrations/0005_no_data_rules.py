"""Rules can watch for silence."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0004_evaluations_take_turns")]

    operations = [
        migrations.RemoveConstraint(model_name="alertrule", name="alert_rules_type_check"),
        migrations.AlterField(
            model_name="alertrule",
            name="type",
            field=models.TextField(
                choices=[
                    ("error_count", "Error count"),
                    ("deployment_failure", "Deployment failure"),
                    ("no_data", "No data"),
                ]
            ),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["error_count", "deployment_failure", "no_data"])),
                name="alert_rules_type_check",
            ),
        ),
    ]

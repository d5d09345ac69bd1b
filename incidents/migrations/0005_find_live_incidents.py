"""An index of the incidents that are not resolved: few, beside all that ever were."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("incidents", "0004_acknowledged_label")]

    operations = [
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                models.F("org"),
                models.OrderBy(models.F("created_at"), descending=True),
                condition=models.Q(("status", "resolved"), _negated=True),
                name="idx_incidents_org_live",
            ),
        ),
    ]

"""Who sent a delivery, as older installations noted it; here it has always been GitHub."""

from django.db import migrations, models

COLUMN = """
ALTER TABLE webhook_deliveries ADD COLUMN IF NOT EXISTS provider text NOT NULL DEFAULT 'github';
UPDATE webhook_deliveries SET provider = 'github' WHERE provider IS NULL;
ALTER TABLE webhook_deliveries ALTER COLUMN provider SET DEFAULT 'github', ALTER COLUMN provider SET NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0006_mappings_follow_renames")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMN, reverse_sql=migrations.RunSQL.noop)],
            state_operations=[
                migrations.AddField(
                    "webhookdelivery",
                    "provider",
                    models.TextField(db_default="github", default="github", editable=False),
                ),
            ],
        ),
    ]

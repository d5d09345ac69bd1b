"""When a run began and ended, as other software wrote it down already; their values stay."""

from django.db import migrations, models

COLUMNS = """
ALTER TABLE cron_runs
    ADD COLUMN IF NOT EXISTS started_at timestamptz,
    ADD COLUMN IF NOT EXISTS finished_at timestamptz,
    ADD COLUMN IF NOT EXISTS org_id uuid;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0003_heartbeat_and_cache")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS, reverse_sql=migrations.RunSQL.noop)],
            state_operations=[
                migrations.AddField("cronrun", "started_at", models.DateTimeField(blank=True, null=True)),
                migrations.AddField("cronrun", "finished_at", models.DateTimeField(blank=True, null=True)),
                migrations.AddField("cronrun", "org_id", models.UUIDField(blank=True, null=True)),
            ],
        ),
    ]

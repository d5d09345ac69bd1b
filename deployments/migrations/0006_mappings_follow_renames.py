"""Let what maps branches to an environment follow when the environment is renamed."""

from django.db import migrations

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("deployments", "0005_follow_runs")]

    operations = [run_sql_file(__file__, "0006_mappings_follow_renames.sql")]

"""Let the database make the ids that raw SQL leaves out."""

from django.db import migrations

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("deployments", "0002_manage")]

    operations = [run_sql_file(__file__, "0003_uuid_defaults.sql")]

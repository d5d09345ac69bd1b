"""Let environments and integrations be deleted although rows that the schema does not cascade point at them."""

from django.db import migrations

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("deployments", "0003_uuid_defaults"), ("services", "0003_key_labels_and_limits")]

    operations = [run_sql_file(__file__, "0004_go_with_what_they_belong_to.sql")]

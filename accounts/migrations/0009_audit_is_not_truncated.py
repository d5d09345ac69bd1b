"""Refuse TRUNCATE of the audit log, and let retention remove nothing that is younger than a day."""

from django.db import migrations

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_quotas_and_usage")]

    operations = [run_sql_file(__file__, "0009_audit_is_not_truncated.sql")]

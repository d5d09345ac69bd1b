"""Bring what other software left into the shape that is read here, losing no row."""

from django.db import migrations

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_leases_and_health")]

    operations = [run_sql_file(__file__, "0005_adopt.sql")]

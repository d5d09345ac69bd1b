"""Logs go with what they belong to, no matter who deletes it: a page's role may delete a service, but no logs by itself."""

from __future__ import annotations

from django.db import migrations

_FUNCTIONS = ("delete_logs_of_environment", "delete_logs_of_service", "delete_logs_of_org")


class Migration(migrations.Migration):
    dependencies = [("logs", "0010_estimate_scopes")]
    operations = [
        migrations.RunSQL(
            f"ALTER FUNCTION {name}() SECURITY DEFINER SET search_path = public, pg_temp",
            reverse_sql=f"ALTER FUNCTION {name}() SECURITY INVOKER RESET search_path",
        )
        for name in _FUNCTIONS
    ]

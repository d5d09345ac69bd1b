"""Let the planner know that an environment belongs to one service of one organisation.

It takes columns for independent, and guessed a tenth of the rows that a service has: reading all of them along
`logs_scope_ts_idx` seemed cheaper than the index of parts, where that was ten times the work. Partitions that are made
from now on copy the statistics; the DEFAULT one and those that are there get their own.
"""

from django.db import migrations

CREATE = """
DO $$
DECLARE
    part text;
BEGIN
    FOR part IN
        SELECT 'logs' UNION ALL
        SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'logs'::regclass
    LOOP
        EXECUTE format(
            'CREATE STATISTICS IF NOT EXISTS %I (dependencies) ON org_id, service_id, environment_id FROM %I',
            part || '_org_id_service_id_environment_id_stat', part  -- as LIKE would name it
        );
        IF part <> 'logs' THEN
            EXECUTE format('ANALYZE %I (org_id, service_id, environment_id)', part);
        END IF;
    END LOOP;
END $$
"""
DROP = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT stxname FROM pg_statistic_ext
        WHERE stxname LIKE '%\\_org\\_id\\_service\\_id\\_environment\\_id\\_stat'
    LOOP
        EXECUTE format('DROP STATISTICS IF EXISTS %I', name);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("logs", "0009_keep_organisations_apart")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=DROP)]

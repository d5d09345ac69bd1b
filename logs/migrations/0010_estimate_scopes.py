"""Let the planner estimate what of a day one service has, and how rare a part of a word is.

It takes columns for independent, and guessed a tenth of the rows that a service has, for its environments are the
service's already. Of expressions it knows what indexes do, but those for a part of a table it does not ask, and then
takes each three letters for common. So it read all of a service where the index of parts has nothing. Partitions that
are made from now on copy the statistics; those that are there get their own.
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
        -- Named as LIKE names its copies.
        EXECUTE format(
            'CREATE STATISTICS IF NOT EXISTS %I (dependencies) ON org_id, service_id, environment_id FROM %I',
            part || '_org_id_service_id_environment_id_stat', part
        );
        EXECUTE format('CREATE STATISTICS IF NOT EXISTS %I ON (lower(message)) FROM %I', part || '_expr_stat', part);
        IF part <> 'logs' THEN
            EXECUTE format('ANALYZE %I', part);
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
        SELECT stxname FROM pg_statistic_ext WHERE stxname ~ '^logs.*_(org_id_service_id_environment_id|expr)_stat$'
    LOOP
        EXECUTE format('DROP STATISTICS %I', name);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("logs", "0009_keep_organisations_apart")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=DROP)]

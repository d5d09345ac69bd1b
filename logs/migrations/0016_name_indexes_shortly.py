"""Short names for the indexes of partitions: REINDEX CONCURRENTLY and Citus append to names, and 63 letters is the end.

Renaming takes a lock that holds up no reader and no sender. The indexes of days to come are named so when they are made
(logs/storage/partitions.py).
"""

from __future__ import annotations

from django.db import migrations

_RENAME = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT own.relname AS old, replace(parent.relname, 'logs_', partition.relname || '_') AS new
        FROM pg_inherits i
        JOIN pg_class parent ON parent.oid = i.inhparent AND parent.relkind = 'I'
        JOIN pg_class own ON own.oid = i.inhrelid
        JOIN pg_index x ON x.indexrelid = own.oid AND NOT x.indisprimary
        JOIN pg_class partition ON partition.oid = x.indrelid
        JOIN pg_index px ON px.indexrelid = parent.oid AND px.indrelid = 'logs'::regclass
        WHERE NOT starts_with(own.relname, 'logs_ahead_')  -- manage.py prepare_adoption has named them shortly
    LOOP
        IF found.old <> found.new AND to_regclass(quote_ident(found.new)) IS NULL THEN
            EXECUTE format('ALTER INDEX %I RENAME TO %I', found.old, found.new);
        END IF;
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("logs", "0015_seal_logs")]
    operations = [migrations.RunSQL(_RENAME, reverse_sql=migrations.RunSQL.noop)]

"""The extension that the index of parts of words needs (logs/storage/trigram_index.py); a database that does not allow it goes without."""

from django.db import migrations

CREATE = """
DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'pg_trgm is not to be had: parts of words will be found by looking at every line';
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("logs", "0006_saved_views")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=migrations.RunSQL.noop)]

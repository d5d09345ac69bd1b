"""The extension by which the indexes of parts keep organisations apart (logs/storage/trigram_index.py); without it they are built, too."""

from django.db import migrations

CREATE = """
DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gin;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'btree_gin is not to be had: words that are common in one organisation cost the others, too';
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("logs", "0008_find_what_came_last")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=migrations.RunSQL.noop)]

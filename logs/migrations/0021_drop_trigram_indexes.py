"""Drop the indexes of every three letters in a row: what is over is sealed, and what is fresh is soon looked through.

They stand on single days, named `logs_<day>_parts_idx`, or `logs_<day>_parts_<from>_<to>` of some hours. A worker of an
earlier version beside this one may still build one; it goes with its day. On the embedded database the extensions that
they needed go too, unless something else there needs them; elsewhere they may have been there before PulseOps, and
stay.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

INDEXES = r"""
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE h.inhparent = 'logs'::regclass AND c.relname ~ '_parts_(idx|\d{12}_\d{12})$'
        ORDER BY 1
    LOOP
        EXECUTE format('DROP INDEX %I', name);
    END LOOP;
END $$
"""
EXTENSIONS = """
DO $$ BEGIN
    DROP EXTENSION IF EXISTS {name};
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE '{name} stays, something else needs it';
END $$
"""


def drop_extensions(apps: Any, schema_editor: Any) -> None:
    """Drop pg_trgm and btree_gin from a server that is ours."""
    if hasattr(schema_editor.connection, "server"):
        for name in ("pg_trgm", "btree_gin"):
            schema_editor.execute(EXTENSIONS.format(name=name))


class Migration(migrations.Migration):
    dependencies = [("logs", "0020_index_words_as_documented")]

    operations = [
        migrations.RunSQL(INDEXES, reverse_sql=migrations.RunSQL.noop),
        migrations.RunPython(drop_extensions, migrations.RunPython.noop),
    ]

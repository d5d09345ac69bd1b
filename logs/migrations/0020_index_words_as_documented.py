"""The index of the words of errors as schema.md documents it, without a translation of punctuation.

`translate` took 66 µs of the 82 that an error of 250 bytes cost in this index, and no statement of ours asks it: the
explorer finds any part of a word otherwise. Where the index translates, it is built anew beside ingest, partition by
partition; exchanging it then takes a moment, for PostgreSQL finds equal indexes of partitions and takes them.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, transaction

from pulseops.core.db.distribution import is_distributed

_TRANSLATES = """
SELECT 1 FROM pg_index
WHERE indexrelid = to_regclass('logs_message_fts_idx') AND pg_get_expr(indexprs, indrelid) LIKE '%translate(%'
"""
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'logs'::regclass ORDER BY 1"
_UNFINISHED = """
SELECT indexrelid::regclass::text FROM pg_index
WHERE NOT indisvalid AND indexrelid::regclass::text LIKE 'logs\\_%\\_words\\_idx'
"""
_DEFINITION = "USING gin (to_tsvector('simple', message)) WHERE level = 'error'"
_NAMES = """
SELECT own.oid::regclass::text, partition.relname || '_message_fts_idx'
FROM pg_inherits i
JOIN pg_class own ON own.oid = i.inhrelid
JOIN pg_index x ON x.indexrelid = own.oid
JOIN pg_class partition ON partition.oid = x.indrelid
WHERE i.inhparent = 'logs_message_fts_idx'::regclass
"""


def index_as_documented(apps: Any, schema_editor: Any) -> None:
    """Exchange the index where it translates. Run again after an interruption it goes on."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(_TRANSLATES)
        if cursor.fetchone() is None:
            return
        if not is_distributed(alias=connection.alias):
            _build_beside(cursor)
        with transaction.atomic(using=connection.alias):
            cursor.execute("DROP INDEX logs_message_fts_idx")
            cursor.execute(f"CREATE INDEX logs_message_fts_idx ON logs {_DEFINITION}")
            cursor.execute(_NAMES)
            for name, short in cursor.fetchall():
                if name != short:
                    cursor.execute(f"ALTER INDEX {name} RENAME TO {short}")


def _build_beside(cursor: Any) -> None:
    cursor.execute(_UNFINISHED)
    for (name,) in cursor.fetchall():
        cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
    cursor.execute(_PARTITIONS)
    for (partition,) in cursor.fetchall():
        cursor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {partition}_words_idx ON {partition} {_DEFINITION}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("logs", "0019_sum_up_blocks")]
    operations = [migrations.RunPython(index_as_documented, migrations.RunPython.noop)]

"""Reading back all that was stored, to show that a secret is not in it."""

from __future__ import annotations

from django.db import connection


def everything_in_the_database() -> str:
    """Return every row of every table as one text."""
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row::text FROM "{table}" AS row')
            parts += [value for (value,) in cursor.fetchall()]
    return "\n".join(parts)

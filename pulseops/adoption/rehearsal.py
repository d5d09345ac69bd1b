"""Where a database stands, and the takeover tried out in a transaction that is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from importlib import import_module

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder

from pulseops.core.adoption.takeover import Adoption
from pulseops.core.models import AdoptedTable, AdoptionNote

# In the order in which their tables refer to each other; the names are those that Django has for the apps.
APPS = {
    "core": "pulseops.core",
    "accounts": "accounts",
    "services": "services",
    "logs": "logs",
    "deployments": "deployments",
    "incidents": "incidents",
    "alerts": "alerts",
    "notifications": "notifications",
}
_MIGRATION = "0002_manage"


class Shape(Enum):
    """Whose tables they are."""

    EMPTY = "an empty database"
    DOCUMENTED = "the documented tables, not migrated"
    RUNNING_NUMBERED = "a running installation (webhook_deliveries with numbers), not migrated"
    RUNNING_UUID = "a running installation (webhook_deliveries with UUIDs), not migrated"
    HALF = "a takeover that was interrupted; `manage.py migrate` goes on with it"
    MIGRATED = "migrated"


def shape() -> Shape:
    """Tell what the database is, by its tables and what Django has migrated."""
    left = [app for app in APPS if app not in _taken_over()]
    if not left:
        return Shape.MIGRATED
    if len(left) < len(APPS):
        return Shape.HALF
    with connection.cursor() as cursor:
        if not _has_table(cursor, "orgs"):
            return Shape.EMPTY
        is_running = _has_column(cursor, "audit_logs", "target_type") or _has_column(cursor, "deployments", "actor")
        if not is_running and not _has_table(cursor, "service_github_integrations"):
            return Shape.DOCUMENTED
        is_numbered = _has_column(cursor, "webhook_deliveries", "received_at")
    return Shape.RUNNING_NUMBERED if is_numbered else Shape.RUNNING_UUID


@contextmanager
def rehearsed() -> Iterator[None]:
    """Take over, in a transaction, what has not been taken over, and take all of it back at the end.

    Inside, the documented tables are there with the values that they will have. Raises what the takeover would raise.
    """
    done = _taken_over()
    with transaction.atomic():
        try:
            _make_tables_for_notes()
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '5s'")
                for app, adoption in _adoptions().items():
                    if app not in done:
                        cursor.execute(adoption.baseline)
                        adoption.run(connection)
            yield
        finally:
            transaction.set_rollback(True)


def _adoptions() -> dict[str, Adoption]:
    return {app: import_module(f"{module}.migrations.{_MIGRATION}").ADOPTION for app, module in APPS.items()}


def _taken_over() -> set[str]:
    applied = MigrationRecorder(connection).applied_migrations()
    return {app for app in APPS if (app, _MIGRATION) in applied}


def _make_tables_for_notes() -> None:
    with connection.cursor() as cursor:
        missing = [each for each in (AdoptedTable, AdoptionNote) if not _has_table(cursor, each._meta.db_table)]
    with connection.schema_editor(atomic=False) as editor:
        for model in missing:
            editor.create_model(model)


def _has_table(cursor: CursorWrapper, name: str) -> bool:
    cursor.execute("SELECT to_regclass(%s)", [name])
    return cursor.fetchone()[0] is not None


def _has_column(cursor: CursorWrapper, table: str, column: str) -> bool:
    cursor.execute(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped",
        [table, column],
    )
    return bool(cursor.fetchone()[0])

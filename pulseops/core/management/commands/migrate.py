"""Django's `migrate`, gentle to a database that others use, and safe to be killed.

It waits for a lock for a few seconds only: a statement that waits for one makes everybody behind it wait too. Then it
lets go, and tries again a little later. Of several at once, one migrates and the others wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg.errors import LockNotAvailable

from pulseops.core.adoption.takeover import count_after
from pulseops.core.config.environment import env
from pulseops.core.db.advisory_locks import lock_number
from pulseops.core.db.migration_states import near_rendering
from pulseops.core.db.row_policies import build_wall
from pulseops.core.db.row_security import forget_databases

ATTEMPTS = 6
_PAUSE_SECONDS = 2.0


class AtomicExecutor(MigrationExecutor):
    """Writes down that a migration was applied in the transaction that applies it, always.

    Django does so after it when indexes were put off to the end; killed in between, the migration would be run again
    on what it has made already.
    """

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        if fake or fake_initial or not migration.atomic:
            return super().apply_migration(state, migration, fake, fake_initial)
        if self.progress_callback:
            self.progress_callback("apply_start", migration, fake)
        with self.connection.schema_editor(atomic=True) as editor:
            state = migration.apply(state, editor)
            while editor.deferred_sql:
                editor.execute(editor.deferred_sql.pop(0), None)
            self.record_migration(migration)  # type: ignore[arg-type,call-arg]  # the stubs have an older signature
        if self.progress_callback:
            self.progress_callback("apply_success", migration, fake)
        return state


migrate.MigrationExecutor = AtomicExecutor  # type: ignore[attr-defined]  # the command takes no other way


class Command(migrate.Command):
    def check(self, *args: Any, **options: Any) -> None:
        """Look at the settings before the checks that ask the database."""
        env.refuse_wrong()
        super().check(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; raises CommandError when someone holds a lock all the time, or earlier rows are missing."""
        connection = connections[options["database"]]
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with _alone(connection), _lock_timeout(connection), near_rendering():
                    super().handle(*args, **options)
                    if not options["app_label"] and not options["plan"]:
                        build_wall(connection)
                        forget_databases()
                return self._tell_of_losses(connection)
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                self.stderr.write(
                    f"Another session holds a lock ({error}). Attempt {attempt} of {ATTEMPTS} was taken back."
                )
                time.sleep(_PAUSE_SECONDS)
        raise CommandError(
            "The database is in use by something that holds a lock. What is migrated is complete; stop the other "
            "program, or the long transaction in pg_stat_activity, and run this again."
        )

    def _tell_of_losses(self, connection: BaseDatabaseWrapper) -> None:
        if missing := count_after(connection):
            raise CommandError("Rows are missing after the migration, go back to your dump: " + "; ".join(missing))


@contextmanager
def _alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Wait for the one who is migrating this database; the server drops the lock with the connection."""
    number = lock_number("migrate")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


@contextmanager
def _lock_timeout(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let no statement of this connection wait for a lock longer than MIGRATE_LOCK_SECONDS."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, false)", [f"{round(settings.MIGRATE_LOCK_SECONDS * 1000)}ms"]
        )
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

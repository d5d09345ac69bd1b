"""Is the server alive, and what did a killed one leave behind?

The truth is a process whose working directory is the data directory: every PostgreSQL process changes into it. A pid
file alone proves nothing, since the pid may belong to an unrelated process by now, or to a zombie that no one reaps.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg import pq

from pulseops.core.postgres.embedded.errors import StartTimeoutError
from pulseops.core.postgres.embedded.home import Home, ServerUser

PORT = 5432
_ORPHAN_GRACE_SECONDS = 5.0
_ANSWER_SECONDS = 2.0
# https://www.postgresql.org/docs/current/protocol-message-formats.html: StartupMessage, protocol 3.0
_WHO = b"user\0postgres\0database\0postgres\0\0"
_KNOCK = struct.pack("!ii", 8 + len(_WHO), 196608) + _WHO
_CANNOT_CONNECT_NOW = b"C57P03\0"  # the field of an ErrorResponse that says so


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says of the server: its process and the directory of its socket."""

    pid: int
    started_at: int  # seconds since 1970
    socket_directory: Path

    @property
    def socket(self) -> Path:
        """The socket's path."""
        return self.socket_directory / f".s.PGSQL.{PORT}"

    def answer(self) -> pq.Ping:
        """Knock: OK when it takes connections, REJECT while it starts or stops, NO_RESPONSE when no one is there.

        Not by libpq's PQping: it waits without end for a server that hangs, and holds Python's lock meanwhile, so that
        no other thread of this process runs.
        """
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(_ANSWER_SECONDS)
                peer.connect(str(self.socket))
                peer.sendall(_KNOCK)
                said = peer.recv(4096)
        except OSError:  # no socket yet, or no one behind it, or no one who answers
            return pq.Ping.NO_RESPONSE
        if not said:
            return pq.Ping.NO_RESPONSE
        return pq.Ping.REJECT if said.startswith(b"E") and _CANNOT_CONNECT_NOW in said else pq.Ping.OK


def read_postmaster(home: Home) -> Postmaster | None:
    """Return what the pid file says, or None if there is none or it is not finished."""
    try:
        lines = (home.data / "postmaster.pid").read_text().splitlines()
        return Postmaster(abs(int(lines[0])), int(lines[2]), Path(lines[4]))
    except (FileNotFoundError, IndexError, ValueError):
        return None


def is_alive(home: Home, postmaster: Postmaster) -> bool:
    """Return whether that server lives.

    One that answers lives even where its process cannot be seen, such as in another container on the same directory.
    """
    try:
        if _works_in(psutil.Process(postmaster.pid), home):
            return True
    except psutil.NoSuchProcess:
        pass
    return postmaster.answer() is not pq.Ping.NO_RESPONSE


def shut_down(home: Home, postmaster: Postmaster) -> bool:
    """Ask the server to close its connections and stop cleanly; return False where its process cannot be seen."""
    try:
        running = psutil.Process(postmaster.pid)
        if _works_in(running, home):
            running.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
            return True
    except psutil.NoSuchProcess:
        pass
    return False


def is_live(pid: int) -> bool:
    """Return whether the process lives; a zombie, which no one may ever reap, does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def clear_remains(home: Home, socket_directory: Path) -> None:
    """Remove what a killed server left: its last processes, pid file, socket and the socket's lock file.

    The caller holds the start lock and knows that no server lives. Processes that outlive their postmaster must be gone
    before the pid file is: PostgreSQL uses it to tell that its shared memory is still in use. Nothing can reach them
    any more and what they committed is in the write-ahead log, so they are asked to quit at once.
    """
    deadline = time.monotonic() + _ORPHAN_GRACE_SECONDS
    while orphans := _processes_in(home):
        is_late = time.monotonic() > deadline
        for orphan in orphans:
            with suppress(psutil.NoSuchProcess):
                orphan.send_signal(signal.SIGKILL if is_late else signal.SIGQUIT)
        if time.monotonic() > deadline + _ORPHAN_GRACE_SECONDS:
            raise StartTimeoutError(f"Processes of a killed PostgreSQL still use {home.data}: {orphans}.")
        time.sleep(0.02)
    for remains in (home.data / "postmaster.pid", *socket_directory.glob(f".s.PGSQL.{PORT}*")):
        remains.unlink(missing_ok=True)


def _processes_in(home: Home) -> list[psutil.Process]:
    """PostgreSQL's processes whose working directory is the data directory."""
    pids = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith("postgres") and _works_in(process, home):
                pids.append(process)
    return pids


def _works_in(process: psutil.Process, home: Home) -> bool:
    try:
        return process.cwd() == str(home.data)
    except psutil.ZombieProcess:
        return False
    except psutil.AccessDenied:
        return _read_as_owner(process, home.user) == str(home.data)


def _read_as_owner(process: psutil.Process, user: ServerUser) -> str:
    """Root without CAP_SYS_PTRACE (in a container) may not look, but the process's own user may."""
    if os.geteuid() != 0 or process.uids().real != user.uid:
        return ""
    return user.run(["readlink", f"/proc/{process.pid}/cwd"]).stdout.strip()

"""The embedded server's life: the first user starts it, the last one out stops it, one that finds it dead heals it."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TypedDict

from psycopg import pq

from pulseops.core.postgres.embedded import cluster, home, process, roles
from pulseops.core.postgres.embedded.binaries import Binaries, binaries_for
from pulseops.core.postgres.embedded.errors import (
    EmbeddedServerError,
    StartTimeoutError,
    error_from_os,
    error_from_output,
)
from pulseops.core.postgres.embedded.flocks import UserLock, exclusive, is_used
from pulseops.core.postgres.embedded.home import Home, open_home

logger = logging.getLogger(__name__)

_READY_SECONDS = 60  # replaying the write-ahead log after a crash can take long
_LEAVE_SECONDS = 10
_SOCKET_SECONDS = 5
_POLL_SECONDS = 0.02


class Address(TypedDict):
    """Where the server listens, as psycopg's connection parameters."""

    host: str
    port: int
    user: str


@dataclass(frozen=True)
class Status:
    """What `manage.py postgres status` tells."""

    home: Path
    pid: int | None  # None: not running
    address: Address | None


class EmbeddedServer:
    """The PostgreSQL server whose files stand in one directory, shared by all processes that use it.

    `directory` is made at the first start. `settings` are server settings that overrule ours, such as {"fsync": "off"}
    in tests; they count for the process that happens to start the server. `refuge` is where root's server lives when
    `directory` cannot be entered by its user. Methods may be called by any thread; all raise EmbeddedServerError.
    """

    def __init__(
        self, directory: Path, *, settings: Mapping[str, str] | None = None, refuge: Path = home.REFUGE
    ) -> None:
        self.directory = directory.absolute()
        self._settings = dict(settings or {})
        self._refuge = refuge
        self.generation: tuple[int, float]
        self._address: Address | None = None
        self._forget()
        os.register_at_fork(after_in_child=self._forget_parent)

    def join(self) -> Address:
        """Count this process as a user, start the server if it does not run, and return its address.

        Costs nothing when this process has joined before, and then does not look whether the server still lives.
        """
        if self._address is not None:
            return self._address
        return self.ensure_running()

    def ensure_running(self, *, wait_seconds: float = _READY_SECONDS) -> Address:
        """Do as `join`, but look whether the server lives, and start it again if not.

        Waits until it answers, at most about `wait_seconds`, and twice that for others who are at it.
        """
        if not self._mutex.acquire(timeout=2 * wait_seconds):
            raise StartTimeoutError(
                f"The embedded PostgreSQL in {self.directory} is still being started or waited for."
            )
        try:
            return self._ensure_running(wait_seconds)
        except OSError as error:
            raise error_from_os(error, self.directory) from error
        finally:
            self._mutex.release()

    def _ensure_running(self, wait_seconds: float) -> Address:
        place = open_home(self.directory, refuge=self._refuge)
        with exclusive(place.start_lock, timeout_seconds=2 * wait_seconds):
            self._count_in(place)
            postmaster = _wait_until_ready(place, wait_seconds) or self._start(place)
            address, generation = _address(postmaster), (postmaster.pid, postmaster.started_at)
            if self.generation != generation:
                roles.prepare_database(address)
            cluster.trim_logs(place)
        self.generation = generation
        self._address = address
        return address

    def leave(self) -> bool:
        """Count this process out; stop the server, cleanly, if no one else uses it. Return whether it is stopped.

        At exit this happens by itself. A process that was killed counts no more, but no one stops the server for it:
        the next user who leaves does, or this call in a process that never joined.
        """
        if not self.directory.exists():
            return True
        with self._mutex:
            self._address = None
            try:
                place = open_home(self.directory, refuge=self._refuge)
                with exclusive(place.start_lock, timeout_seconds=_LEAVE_SECONDS):
                    self._user_lock.drop()
                    if is_used(place.users_lock):
                        return False
                    stop(place)
                    return True
            except OSError as error:
                raise error_from_os(error, self.directory) from error
            finally:
                self._user_lock.drop()

    def _leave_at_exit(self) -> None:
        if self._user_lock.is_held:
            try:
                self.leave()
            except EmbeddedServerError as error:
                logger.warning("the embedded PostgreSQL was left running: %s", error)

    def status(self) -> Status:
        """Return whether the server runs, without starting it or making its directory."""
        if not self.directory.exists():
            return Status(self.directory, None, None)
        place = open_home(self.directory, refuge=self._refuge)
        postmaster = process.read_postmaster(place)
        if postmaster is None or not process.is_alive(place, postmaster):
            return Status(place.path, None, None)
        return Status(place.path, postmaster.pid, _address(postmaster))

    def _count_in(self, place: Home) -> None:
        if not self._user_lock.is_held:
            self._user_lock.take(place.users_lock)
            at_exit(self._leave_at_exit)

    def _start(self, place: Home) -> process.Postmaster:
        """Start the server, which does not run. The caller holds the start lock."""
        binaries = binaries_for(place)
        cluster.initialise(place, binaries, sync=self._settings.get("fsync") != "off")
        socket_directory = place.make_socket_directory()
        process.clear_remains(place, socket_directory)
        cluster.write_settings(place, socket_directory, self._settings)
        postmaster = _wait_until_started(place, _spawn(place, binaries))
        logger.info("started the embedded PostgreSQL %s in %s", binaries.version, place.path)
        return postmaster

    def _forget(self) -> None:
        self._mutex = threading.RLock()
        self._address = None
        self._user_lock = UserLock()
        # pid and start time of the server as last seen: tells one start from the next
        self.generation = (0, 0)

    def _forget_parent(self) -> None:
        """In a forked child: it is not a user of the server until it connects, and no thread of it holds our mutex."""
        self._user_lock.drop()
        self._forget()


_servers: dict[Path, EmbeddedServer] = {}
_servers_mutex = threading.Lock()


def embedded_server(directory: Path, settings: Mapping[str, str] | None = None) -> EmbeddedServer:
    """Return this process's one `EmbeddedServer` for `directory`; `settings` count for the first call."""
    with _servers_mutex:
        key = directory.absolute()
        if key not in _servers:
            _servers[key] = EmbeddedServer(key, settings=settings)
        return _servers[key]


def stop(place: Home) -> None:
    """Stop the server cleanly, if it runs; connections that are open are closed. The caller holds the start lock.

    One that runs where its process cannot be seen (another container) is left alone. Raises StartTimeoutError when it
    still runs after a minute.
    """
    postmaster = process.read_postmaster(place)
    if postmaster is None or not process.shut_down(place, postmaster):
        return
    deadline = time.monotonic() + _READY_SECONDS
    while process.is_live(postmaster.pid):
        if time.monotonic() > deadline:
            raise StartTimeoutError(
                f"The embedded PostgreSQL in {place.path} has not stopped for {_READY_SECONDS} seconds."
            )
        time.sleep(_POLL_SECONDS)
    if postmaster.socket_directory.parent != place.path:  # the short one under /tmp
        with suppress(OSError):
            postmaster.socket_directory.rmdir()


def at_exit(callback: Callable[[], None]) -> None:
    """Call `callback` when this process ends in any way but by a signal; what was registered last comes first.

    Children of multiprocessing (django-q's workers) leave without Python's own exit callbacks, but run its finalisers.
    """
    if multiprocessing.parent_process() is None:
        atexit.register(callback)
    else:
        Finalize(None, callback, exitpriority=0)


def _wait_until_ready(place: Home, wait_seconds: float) -> process.Postmaster | None:
    """Return the server once it takes connections, or None when none lives; waits `wait_seconds` for it.

    One that shuts down is waited for until it is gone; one that runs but has lost its socket is stopped.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        postmaster = process.read_postmaster(place)
        if postmaster is None or not process.is_alive(place, postmaster):
            return None
        answer = postmaster.answer()
        if answer is pq.Ping.OK:
            return postmaster
        if time.monotonic() > deadline:
            raise _not_ready(place, postmaster.pid, wait_seconds)
        if answer is pq.Ping.NO_RESPONSE and _has_lost_socket(postmaster):
            stop(place)
        time.sleep(_POLL_SECONDS)


def _not_ready(place: Home, pid: int, seconds: float) -> StartTimeoutError:
    return StartTimeoutError(
        f"The embedded PostgreSQL in {place.path} runs (process {pid}) but has taken no connections for "
        f"{seconds:g} seconds. After a crash it replays its log, which can take minutes; its log files in "
        f"{place.data / 'log'} tell how far it is."
    )


def _has_lost_socket(postmaster: process.Postmaster) -> bool:
    """Whether it has run long enough to have made its socket, and there is none."""
    return time.time() - postmaster.started_at > _SOCKET_SECONDS and not postmaster.socket.exists()


def _spawn(place: Home, binaries: Binaries) -> int:
    """Start the server detached from this process, so that it outlives it; return its pid.

    Not by pg_ctl, which puts paths between double quotes into a shell's command.
    """
    place.startup_log.unlink(missing_ok=True)
    detach = '"$0" -D "$1" >>"$2" 2>&1 & echo $!'
    program = binaries.program("postgres")
    return int(place.user.run(["sh", "-c", detach, program, place.data, place.startup_log]).stdout)


def _wait_until_started(place: Home, pid: int) -> process.Postmaster:
    """Wait until the server spawned as `pid` takes connections; raise what its log says if it ends instead."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        postmaster = process.read_postmaster(place)
        if postmaster and postmaster.pid == pid and postmaster.answer() is pq.Ping.OK:
            return postmaster
        if not process.is_live(pid):
            raise error_from_output(cluster.log_tail(place), place.path)
        time.sleep(_POLL_SECONDS)
    raise _not_ready(place, pid, _READY_SECONDS)


def _address(postmaster: process.Postmaster) -> Address:
    return {"host": str(postmaster.socket_directory), "port": process.PORT, "user": roles.OWNER}

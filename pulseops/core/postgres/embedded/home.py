"""Where the server lives on disk, and as which user it runs.

PostgreSQL refuses to run as root. A process of root's therefore runs it as the owner of the server's directory, who is
chosen when that directory is made. No permission of anything that exists is ever changed: a directory that the server's
user cannot enter is left alone, and the server lives elsewhere.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulseops.core.postgres.embedded.errors import USE_ANOTHER, NotPermittedError

REFUGE = Path("/var/lib/pulseops")  # for root, whose data directory may lie where no one else may enter
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")  # of our environment, to the server
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # bytes; macOS has the smallest sun_path, 104 with the terminating zero


@dataclass(frozen=True)
class ServerUser:
    """The account that the server runs as."""

    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether it is not the account of this process (then this process is root's)."""
        return self.uid != os.geteuid()

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `command` as this user and return what it said, standard error included.

        It gets none of our secrets, no PG* variables, no terminal, and no Ctrl-C meant for this process.
        Raises NotPermittedError when this process may not become that user, OSError when the program cannot be run.
        """
        if self.is_another:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # A file, not a pipe: the server inherits it from pg_ctl and a pipe would never end.
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            try:
                done = subprocess.run(
                    [str(part) for part in command],
                    check=False,
                    cwd="/",  # the current directory may be closed to this user
                    env={**environment, "LC_ALL": "C"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    **options,
                )
            except OSError as error:
                if self.is_another and error.errno in {errno.EPERM, errno.EINVAL}:
                    raise NotPermittedError(
                        f"PostgreSQL refuses to run as root, and this process may not switch to the user "
                        f"{_user_name(self.uid)} to run it. Run as an ordinary user. {USE_ANOTHER}"
                    ) from error
                raise
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, stdout=output.read())

    def can_enter(self, directory: Path) -> bool:
        """Return whether this user can reach what lies in `directory`."""
        return self.run(["test", "-x", directory]).returncode == 0

    def give(self, path: Path) -> None:
        """Make this user the owner of `path`, a file that this process has just made."""
        if self.is_another:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True)
class Home:
    """The server's directory, closed to all but its user, and what stands in it."""

    path: Path
    user: ServerUser

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.path / "data"

    @property
    def start_lock(self) -> Path:
        """Held exclusively by the one who starts or stops the server."""
        return self.path / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the server."""
        return self.path / "users.lock"

    @property
    def startup_log(self) -> Path:
        """What the server said before its own log files began; written anew at each start."""
        return self.path / "startup.log"

    def make_socket_directory(self) -> Path:
        """Return a 0700 directory for the server's socket, with a path that a client can name and a socket can have."""
        directory = self.path / "run"
        is_list = "," in str(directory)  # to libpq, which knows no way to quote a comma
        if is_list or len(os.fsencode(directory / _SOCKET_NAME)) > _LONGEST_SOCKET_PATH:
            return self._make_short_socket_directory()
        if not directory.exists():
            directory.mkdir(mode=0o700)
            self.user.give(directory)
        return directory

    def _make_short_socket_directory(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        directory = Path(f"/tmp/pulseops-{self.user.uid}-{digest}")  # noqa: S108 - checked below
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            status = directory.lstat()
            if status.st_uid == self.user.uid and status.st_mode == 0o040700:
                return directory
            directory = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))  # that one is someone else's
        self.user.give(directory)
        return directory


def open_home(path: Path, *, refuge: Path = REFUGE) -> Home:
    """Return the server's home at `path`, making it (empty) first if it is absent.

    When root's `path` cannot be entered by the user who would run the server, the home is made in `refuge` and `path`
    is a symbolic link to it. Several processes may call this at once. Raises NotPermittedError, OSError.
    """
    if not path.exists():
        _make_home(path, refuge)
    real = path.resolve()
    status = real.stat()
    if status.st_uid == 0:
        raise NotPermittedError(
            f"{real} belongs to root, and PostgreSQL refuses to run as root. Remove it if it is empty, or give it to "
            f"the user who shall run the server: `chown -R nobody {real}`. {USE_ANOTHER}"
        )
    if os.geteuid() not in {0, status.st_uid}:
        raise NotPermittedError(
            f"The embedded PostgreSQL in {real} belongs to the user {_user_name(status.st_uid)}. Run as that user or "
            f"as root, or set PULSEOPS_DATA_DIR to a directory of your own. {USE_ANOTHER}"
        )
    return Home(real, ServerUser(status.st_uid, status.st_gid))


def _make_home(path: Path, refuge: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    user = _choose_user(path.parent)
    if user.can_enter(path.parent):
        _make_directory(path.parent, path, user)
        return
    refuge.mkdir(parents=True, exist_ok=True)
    if not user.can_enter(refuge):
        raise NotPermittedError(
            f"PostgreSQL refuses to run as root, and the user {_user_name(user.uid)}, who would run it instead, cannot "
            f"enter {path.parent}, nor {refuge}. Set PULSEOPS_DATA_DIR to a directory that others may enter, such as "
            f"/srv/pulseops, or run as an ordinary user. {USE_ANOTHER}"
        )
    target = Path(tempfile.mkdtemp(prefix="postgres-", dir=refuge))
    user.give(target)
    try:
        path.symlink_to(target)
    except FileExistsError:  # another process was first
        target.rmdir()


def _make_directory(parent: Path, path: Path, user: ServerUser) -> None:
    """Make `path` in one step, owner included: never empty, so that of several processes one wins."""
    temporary = Path(tempfile.mkdtemp(prefix=".postgres-", dir=parent))
    try:
        lock = temporary / "start.lock"
        lock.touch(0o600)
        user.give(lock)
        user.give(temporary)
        temporary.rename(path)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not path.exists():
            raise


def _choose_user(parent: Path) -> ServerUser:
    """This process's user; for root the owner of `parent`, else the account postgres, else no one."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid())
    owner = parent.stat()
    if owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(account.pw_uid, account.pw_gid)
    raise NotPermittedError(
        "PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody` to run it as. "
        f"Run as an ordinary user. {USE_ANOTHER}"
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

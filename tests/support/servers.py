"""PostgreSQL servers of a test's own, with settings that the test chooses."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pulseops.core.postgres.embedded.server import EmbeddedServer

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")  # Debian's
EMBEDDED = Path("embedded")


@contextmanager
def server(programs: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Run a server of these programs; gives the directory of its socket, where its superuser is postgres."""
    home = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))
    home.chmod(0o755)
    try:
        if programs == EMBEDDED:
            embedded = EmbeddedServer(home / "postgres", settings=settings)
            yield embedded.ensure_running()["host"]
            embedded.leave()
        else:
            with _debians(programs, home, settings) as socket:
                yield socket
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _debians(programs: Path, home: Path, settings: Mapping[str, str]) -> Iterator[str]:
    options: dict[str, str] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        os.chown(home, account.pw_uid, account.pw_gid)
        options = {"user": "postgres", "group": "postgres"}

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, "-D", home / "data", *arguments],
            check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options,
        )  # fmt: skip

    run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.writelines([*lines, "listen_addresses = ''\n", f"unix_socket_directories = '{home}'\n"])
    run("pg_ctl", "-w", "-l", str(home / "log"), "start")
    try:
        yield str(home)
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")

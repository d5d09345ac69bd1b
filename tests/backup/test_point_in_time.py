"""Going back to a point in time, by the commands of docs/operations.md, with the embedded PostgreSQL and Debian's 15.

A drill that takes a minute, so it is run where DRILLS is set, and not in the suite.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pulseops.core.postgres.embedded.server import embedded_server
from tests.support.installation import ROOT
from tests.support.waiting import wait_until

DEBIAN = Path("/usr/lib/postgresql/15/bin")
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("DRILLS"), reason="a drill: DRILLS=1"),
]


def blocks() -> list[str]:
    """Return the commands: to archive, to go back, and to take the settings away."""
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.partition("**To a point in time**")[2].partition("\n## ")[0]
    return [part.partition("```")[0] for part in section.split("```sh\n")[1:]]


class Server:
    """The embedded PostgreSQL of a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.data_dir = home, home / "var"
        self.environment = {**os.environ, "PULSEOPS_DATA_DIR": str(self.data_dir), "DATABASE_URL": ""}
        self.changes = {
            ".venv/bin/python manage.py up": self.program("psql --quiet -c 'SELECT 1'"),
            ".venv/bin/python": sys.executable,
            "/backup/base/2026-11-30": f"/backup/base/{datetime.now(UTC):%F}",
            "/backup/": f"{home}/backup/",
            "var/postgres/data": f"{self.data_dir}/postgres/data",
        }

    def program(self, command: str) -> str:
        """Return how one of PostgreSQL's programs is run as the superuser."""
        return f".venv/bin/python manage.py postgres --superuser {command}"

    def start(self) -> None:
        """Start it; each command would."""
        self.run(self.program("psql -c 'SELECT 1'"))

    def stop(self) -> None:
        """Stop it."""
        self.run(".venv/bin/python manage.py postgres stop")

    def run(self, script: str) -> str:
        """Run commands as the docs have them, with what is ours in the place of what is theirs."""
        for old, new in self.changes.items():
            script = script.replace(old, new)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip

    def ask(self, statement: str) -> str:
        """Return what psql prints of a statement."""
        return self.run(self.program(f'psql --quiet --tuples-only --no-align -c "{statement}"')).strip()


class Debians(Server):
    """Debian's PostgreSQL 15, whose programs take the place of ours in the same commands."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.data = home / "data"
        self.environment |= {"PGHOST": str(home), "PGUSER": "postgres", "PGDATABASE": "postgres"}
        self.changes = {
            ".venv/bin/python manage.py up": self._as_its_user(f"pg_ctl --wait -D {self.data} -l {home}/log start"),
            ".venv/bin/python manage.py postgres --superuser ": f"{DEBIAN}/",
            "var/postgres/data": str(self.data),
        } | {name: self.changes[name] for name in ("/backup/base/2026-11-30", "/backup/")}
        self.run(self._as_its_user(f"initdb -D {self.data} --auth=trust --username=postgres"))
        self.run(f"echo \"unix_socket_directories = '{home}'\nlisten_addresses = ''\" >>{self.data}/postgresql.conf")

    def program(self, command: str) -> str:
        """Return how one of its programs is run."""
        return f"{DEBIAN}/{command}"

    def start(self) -> None:
        """Start it."""
        self.run(".venv/bin/python manage.py up")

    def stop(self) -> None:
        """Stop it."""
        self.run(self._as_its_user(f"pg_ctl --wait -D {self.data} -m fast stop"))

    def _as_its_user(self, command: str) -> str:
        whole = f"{DEBIAN}/{command} >/dev/null"
        return f"chown -R postgres {self.home}; su postgres -c '{whole}'" if os.geteuid() == 0 else whole


@pytest.fixture(params=[Server, Debians])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param is Debians and not DEBIAN.exists():
        pytest.skip("Debian's PostgreSQL 15 is not on this machine")
    home = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))
    home.chmod(0o755)  # for the server's user
    made: Server = request.param(home)
    try:
        yield made
    finally:
        made.stop()
        embedded_server(made.data_dir / "postgres").leave()
        shutil.rmtree(home, ignore_errors=True)


def test_it_goes_back_to_before_the_mistake_and_once_more(server: Server) -> None:
    archive, go_back, take_away = blocks()
    settings, _, base_backup = archive.partition("# stop PulseOps and start it again")
    server.start()
    server.run(settings)
    server.stop()
    server.start()
    server.run(base_backup.partition("\n")[2])
    server.ask("CREATE TABLE told AS SELECT 'before' AS what")
    time.sleep(1.5)
    moment = f"{datetime.now(UTC):%F %T.%f+00}"
    time.sleep(1.5)
    server.ask("INSERT INTO told VALUES ('mistake')")
    server.ask("SELECT pg_switch_wal()")
    to_moment = go_back.replace("2026-11-30 12:00:00+00", moment)
    for again in ("", "recovery_target_timeline = current\n"):
        server.stop()
        shutil.rmtree(Path(server.run("echo var/postgres/data.before").strip()), ignore_errors=True)
        server.run(to_moment.replace("recovery_target_action", f"{again}recovery_target_action"))
        wait_until(lambda: server.ask("SELECT pg_is_in_recovery()") == "f")  # Debian's may be read before
        assert server.ask("SELECT what FROM told") == "before"
        server.run(take_away)
        server.ask("INSERT INTO told VALUES ('after')")

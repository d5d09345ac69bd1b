"""From the embedded PostgreSQL to Debian's 15, by the commands of docs/operations.md: a drill, where DRILLS is set."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.backup.test_point_in_time import DEBIAN
from tests.support.installation import ROOT, Installation

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("installation"),
    pytest.mark.skipif(not os.environ.get("DRILLS"), reason="a drill: DRILLS=1"),
    pytest.mark.skipif(not DEBIAN.exists(), reason="Debian's PostgreSQL 15 is not on this machine"),
]
_MOVE = r"""
set -euo pipefail
server=${DATABASE_URL%/postgres}
psql=/usr/lib/postgresql/15/bin/psql
$psql --quiet "$server/postgres" <<'SQL'
ROLES
SQL
export DATABASE_URL=
COMMANDS
export DATABASE_URL="$(echo "$server" | sed 's/postgres@/pulseops@/')/pulseops"
.venv/bin/python manage.py migrate --verbosity=0
$psql --quiet --tuples-only --no-align "$DATABASE_URL" -c 'COUNT'
"""
_COUNT = "SELECT (SELECT count(*) FROM orgs), (SELECT count(*) FROM api_keys), (SELECT count(*) FROM django_migrations)"


def block(heading: str, language: str) -> str:
    """Return the first block of a section of docs/operations.md."""
    section = (ROOT / "docs" / "operations.md").read_text().partition(f"# {heading}\n")[2]
    return section.partition(f"```{language}\n")[2].partition("```")[0]


def test_a_server_of_ones_own_takes_over(installation: Installation) -> None:
    installation.make_key()
    counts = installation.manage("postgres", "psql", "--tuples-only", "--no-align", "-c", _COUNT).splitlines()[-1]
    dump = f"{installation.directory}/pulseops.dump"
    commands = re.sub("postgresql://\\S+", '"$(echo "$server" | sed s/postgres@/pulseops@/)/pulseops"', block(
        "Moving to a PostgreSQL of your own", "sh"
    )).replace("pulseops.dump", dump)  # fmt: skip
    roles = block("Roles", "sql").replace("PASSWORD '…'", "")
    script = _MOVE.replace("ROLES", roles).replace("COMMANDS", commands).replace("COUNT", _COUNT)
    done = subprocess.run(
        ["tests/with_postgres15", "bash", "-c", script.replace(".venv/bin/python", sys.executable)],
        cwd=ROOT, env=installation.environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [counts]), done.stderr

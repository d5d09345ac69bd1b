"""Keep what a release leaves in a database, for the test that upgrades it: `tests/upgrade/VERSION.dump`.

    python tools/keep_release.py VERSION [--checkout DIRECTORY]

Run it once for each release, on a checkout of its tag. The installation of that checkout is made in a directory of its
own, filled with the demo and a member whose password is known, and dumped by pg_dump; of the logs a few hundred stay.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_MEMBER = """
from accounts.models import Org, Role
from tests.support.factories import make_member, make_user
from django.db import connection
make_member(Org.objects.get(name="Brightside Shop"), Role.DEVELOPER, user=make_user("upgraded@example.com"))
with connection.cursor() as cursor:
    cursor.execute("DELETE FROM logs WHERE id NOT IN (SELECT id FROM logs ORDER BY ts DESC LIMIT 300)")
    cursor.execute("TRUNCATE log_counts")
from logs.storage.rollup import repair
repair()
"""
_DUMP = """
import subprocess
from pulseops.backup.programs import address, programs_for, server_major
dbname, environment = address()
options = ["--format=custom", "--compress=9", "--no-owner", "--dbname", dbname, "--file", {path!r}]
subprocess.run(programs_for(server_major()).command("pg_dump", *options), env=environment, check=True)
"""


def main() -> None:
    """Make the dump and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="of the release's tag (this one)")
    options = parser.parse_args()
    path = ROOT / "tests" / "upgrade" / f"{options.version}.dump"
    with tempfile.TemporaryDirectory(prefix="pulseops-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)  # for the server's user
        environment = {**os.environ, "PULSEOPS_DATA_DIR": directory, "DATABASE_URL": "", "PYTHONPATH": "."}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        steps = (["migrate"], ["demo"], _shell(_MEMBER), _shell(_DUMP.format(path=str(path))), ["postgres", "stop"])
        for arguments in steps:
            command = [sys.executable, "manage.py", *arguments]
            subprocess.run(command, cwd=options.checkout, env=environment, check=True, stdout=subprocess.DEVNULL)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KiB")


def _shell(code: str) -> list[str]:
    return ["shell", "--no-imports", "--command", code]


if __name__ == "__main__":
    main()

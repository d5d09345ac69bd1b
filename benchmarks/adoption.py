"""How long `migrate` takes to take over a running installation with many logs, and which steps lock them.

    python -m benchmarks.adoption [--rows 500000] [--ahead] [--write]

Builds the old database on an embedded PostgreSQL in a directory of its own, with its ordinary settings, and migrates
it. Tells what took longer than a second. Multiply for more rows: what is slow reads or indexes each row.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Table, machine, write_section

LOGS = """
INSERT INTO logs (org_id, service_id, environment_id, ts, level, message, meta_json, trace_id, created_at)
SELECT '10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001',
    '50000000-0000-4000-8000-000000000001', at, (ARRAY['debug', 'info', 'info', 'warn', 'error'])[1 + n % 5],
    format('GET /api/users/%s/profile took %s ms, status %s from 10.0.%s.%s', n % 5000, n % 977, 200 + n % 300, n % 255,
        n % 251),
    jsonb_build_object('status', 200 + n % 300, 'path', '/api/users', 'attempt', n % 7), md5(n::text), at
FROM (SELECT n, now() - n * interval '1 second' AS at FROM generate_series(1, ROWS) n) given
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--ahead", action="store_true", help="run prepare_adoption before")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="pulseops-adoption-"))
    directory.chmod(0o755)
    os.environ.update(DATABASE_URL="", PULSEOPS_DATA_DIR=str(directory), DJANGO_SETTINGS_MODULE="pulseops.settings")
    try:
        text = _measure(options.rows, ahead=options.ahead)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(text)
    if options.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Moving", text)


def _measure(rows: int, *, ahead: bool) -> str:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from pulseops.core.management.commands.migrate import AtomicExecutor
    from tests.adoption.shapes import build_running

    apply = AtomicExecutor.apply_migration

    def timed(self: Any, state: Any, migration: Any, *args: Any, **more: Any) -> Any:
        started = time.monotonic()
        try:
            return apply(self, state, migration, *args, **more)
        finally:
            _TIMES[str(migration)] = time.monotonic() - started

    AtomicExecutor.apply_migration = timed  # type: ignore[method-assign]
    build_running(connection, "numbered")
    with connection.cursor() as cursor:
        cursor.execute(LOGS.replace("ROWS", str(rows)))
        cursor.execute("ANALYZE logs")
    how = "after prepare_adoption" if ahead else "without prepare_adoption"
    table = Table(f"`migrate` on a running installation with {rows:,} logs, {how}", ["", "s", "table"])
    before = _size(connection)
    if ahead:
        call_command("prepare_adoption")
    started = time.monotonic()
    call_command("migrate", verbosity=0, interactive=False)
    table.add("in all", f"{time.monotonic() - started:.1f}", f"{before} before, {_size(connection)} after")
    for name, seconds in sorted(_TIMES.items(), key=lambda item: -item[1]):
        if seconds >= 1:
            table.add(f"of it `{name}`", f"{seconds:.1f}", "")
    text = f"{machine()}\n\n{table.markdown()}"
    connection.close()
    call_command("postgres", "stop", verbosity=0)
    return text


def _size(connection: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class "
            "WHERE relname = 'logs' OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'logs'::regclass)"
        )
        return str(cursor.fetchone()[0])


_TIMES: dict[str, float] = {}


if __name__ == "__main__":
    main()

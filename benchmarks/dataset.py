"""Ten million logs to measure on: of twelve organisations, one with 80 %, over seven days and the one that is open.

    python -m benchmarks.dataset [--rows 10000000] [--fresh] [--remove]

It is made once, in var/bench/, and kept for the benchmarks that follow within some hours; `--fresh` makes it anew,
`--remove` throws it away. All its logs are rows, which benchmarks/sealed.py seals. Look at it in a browser with
`PULSEOPS_DATA_DIR=var/bench/10000000 python manage.py up`, as one of PEOPLE with PASSWORD.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.catalogue import SERVICES
from benchmarks.story import COLUMNS, Teller, tell
from benchmarks.webhooks import ROOT

VERSION = 2  # of what is made; a data set of another one is made anew
ROWS = 10_000_000
DAYS = 7  # that are over
OPEN_DAYS = 1.25  # what the open part holds at most: a day and the six hours until it is over
KEPT = timedelta(hours=8)  # after that the data set is too old to be a present
PLACE = ROOT / "var" / "bench"
DAY = timedelta(days=1)

PASSWORD = "ten million rows"
ADMIN, DEVELOPER, VIEWER = "demo@pulseops.example", "dana@pulseops.example", "vik@pulseops.example"  # of BIG
OUTSIDER, SUPERUSER = "olga@pulseops.example", "root@pulseops.example"
PEOPLE = (ADMIN, DEVELOPER, VIEWER, OUTSIDER, SUPERUSER)
BIG, SECOND, SMALL = "Brightside Shop", "Northwind Market", "Harbour Lights"
# The share of all logs in percent, and what they do. OUTSIDER is the admin of SECOND.
ORGS = {
    BIG: (80, "shop"), SECOND: (8, "shop"), "Alpine Freight": (5, "fleet"), "Tidewater Sensors": (3, "fleet"),
    SMALL: (0.5, "fleet"),
    **{f"{name} Fleet": (0.5, "fleet") for name in ("Amber", "Birch", "Cedar", "Dune", "Elm", "Fjord", "Grove")},
}  # fmt: skip
_MARKER = "dataset.json"
_AT_ONCE = 2_000  # lines a transaction on the open day, as a busy sender does
_PROCESSES = 2
_LATE = timedelta(hours=6)  # behind a day's end, when hardly a late line comes any more


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where it is, how many logs it has, and the moment at which it was made: a `now` that its newest logs know."""

    directory: Path
    rows: int
    now: datetime
    is_sealed: bool = False  # benchmarks/sealed.py has made blocks of all its rows


@contextmanager
def dataset(rows: int = ROWS, *, name: str = "", is_fresh: bool = False, is_sealed: bool = False) -> Iterator[Dataset]:
    """Give the data set of so many logs, made if need be, with Django set up on it; its server stops afterwards.

    `name` makes one of its own, for what spoils it. `is_sealed` asks for one that is there and sealed. Only one may be
    asked for in a process.
    """
    directory = PLACE / (name or str(rows))
    place_settings(directory)
    from django.core.management import call_command
    from django.db import connection

    try:
        kept = None if is_fresh or name else _kept(directory, rows, is_sealed=is_sealed)
        if is_sealed and kept is None:
            raise SystemExit("There is no data set that is sealed.")
        if kept is not None:
            call_command("migrate", verbosity=0)
        if kept is None:
            remove(directory)
            kept = _make(directory, rows)
        yield kept
    finally:
        connection.close()
        connection.server.leave()  # type: ignore[attr-defined]


def place_settings(directory: Path) -> None:
    """Set Django up on the embedded PostgreSQL in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DATABASE_URL": "", "PULSEOPS_DATA_DIR": str(directory), "STATIC_ROOT": str(directory / "static"),
        "DJANGO_SETTINGS_MODULE": "pulseops.settings", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    import django

    django.setup()


def remove(directory: Path) -> None:
    """Stop the server of a data set and delete its database; Django is set up on it."""
    from django.db import connection

    connection.close()
    server = connection.server  # type: ignore[attr-defined]
    home = server.status().home
    if not server.leave():
        raise SystemExit(f"The data set in {directory} is in use.")
    shutil.rmtree(home, ignore_errors=True)
    (directory / _MARKER).unlink(missing_ok=True)


def mark_sealed(data: Dataset) -> None:
    """Say that the data set has no rows any more, so that only those take it who ask for such a one."""
    marker = data.directory / _MARKER
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"is_sealed": True}))


def _kept(directory: Path, rows: int, *, is_sealed: bool) -> Dataset | None:
    marker = directory / _MARKER
    if not marker.exists():
        return None
    said = json.loads(marker.read_text())
    made_at = datetime.fromisoformat(said["now"])
    is_usable = said["version"] == VERSION and said["rows"] == rows and datetime.now(UTC) - made_at < KEPT
    is_usable = is_usable and said.get("is_sealed", False) == is_sealed
    return Dataset(directory, rows, made_at, is_sealed) if is_usable else None


def _make(directory: Path, rows: int) -> Dataset:
    from django.core.management import call_command

    began = time.monotonic()
    print(f"making a data set of {rows:,} logs …", flush=True)
    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    make_people_and_orgs(now)
    _fill(now, rows)
    kept = Dataset(directory, rows, now)
    said = {"version": VERSION, "rows": rows, "now": now.isoformat()}
    (directory / _MARKER).write_text(json.dumps(said))
    print(f"made in {time.monotonic() - began:.0f} s", flush=True)
    return kept


def make_people_and_orgs(now: datetime) -> None:
    """Make the demo with its rules, incidents and deployments as BIG, the other organisations, and PEOPLE."""
    from accounts.actions.orgs import create_org
    from accounts.models import Membership, Org, Role, User
    from accounts.queries import user_by_email
    from pulseops.demo.fill import fill_demo
    from services.actions import create_service
    from services.models import Service

    fill_demo(now, org_name=BIG)
    for number, (name, (_, kind)) in enumerate(ORGS.items()):
        email = {BIG: ADMIN, SECOND: OUTSIDER}.get(name, f"admin{number}@pulseops.example")
        admin = user_by_email(email) or User.objects.create_user(email, None, name=f"Admin of {name}")
        org = Org.objects.filter(name=name).first() or create_org(actor=admin, name=name)
        there = set(Service.objects.for_org(org).values_list("name", flat=True))
        for service in set(SERVICES[kind]) - there:
            create_service(actor=admin, org=org, name=service, retention_days=30)
    superuser = User.objects.create_superuser(SUPERUSER, None, name="Root")
    Membership.objects.create(org=Org.objects.get(name=BIG), user=superuser, role=Role.ADMIN)
    for email in PEOPLE:
        person = user_by_email(email)
        assert person
        person.set_password(PASSWORD)
        person.save(update_fields=["password"])


def _fill(now: datetime, rows: int) -> None:
    from django.db import connection

    from logs.storage.partitions import make_days_ahead, move_strays

    make_days_ahead(now)
    move_strays()
    open_from = (now - _LATE).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [open_from - n * DAY for n in range(DAYS, 0, -1)]
    open_rows = round(rows * OPEN_DAYS / (DAYS + OPEN_DAYS))
    tellers = make_tellers()
    server = connection.server.status().address  # type: ignore[attr-defined]
    address = psycopg.conninfo.make_conninfo(**server, dbname=connection.settings_dict["NAME"])
    connection.close()
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        shares = [(rows - open_rows) * (n + 1) // DAYS - (rows - open_rows) * n // DAYS for n in range(DAYS)]
        made = [
            pool.apply_async(_load_day, (address, tellers, day, share)) for day, share in zip(days, shares, strict=True)
        ]
        opened = pool.apply_async(_load_open, (address, tellers, open_from, now, open_rows))
        for day, each in zip(days, made, strict=True):
            each.get()
            _attach(day)
        _tidy_up(opened, now)


def make_tellers() -> list[Teller]:
    """Return the organisations as the story needs them."""
    from services.models import Environment

    scopes: dict[str, dict[tuple[str, str], str]] = {name: {} for name in ORGS}
    for each in Environment.objects.select_related("service__org"):
        service = each.service
        scopes[service.org.name][service.name, each.name] = f"{service.org_id}\t{service.pk}\t{each.pk}"
    return [Teller(kind, share, scopes[name]) for name, (share, kind) in ORGS.items()]


def _load_day(address: str, tellers: list[Teller], day: datetime, rows: int) -> None:
    """Fill a table beside the day's partition, without indexes, and move there what the partition has."""
    with psycopg.connect(address) as connection:
        connection.execute(f"CREATE TABLE {_beside(day)} (LIKE logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        _copy(connection, _beside(day), tell(tellers, day, day + DAY, lines=rows, seed=day.toordinal()))


def _load_open(address: str, tellers: list[Teller], start: datetime, now: datetime, rows: int) -> None:
    """Store the open part as it comes in production: in time, some thousand lines a transaction, every index kept."""
    texts = tell(tellers, start, now, lines=rows, seed=start.toordinal())
    with psycopg.connect(address, autocommit=True) as connection:
        waiting: list[str] = []
        done = 0
        for text in texts:
            waiting.append(text)
            if (lines := sum(each.count("\n") for each in waiting)) >= _AT_ONCE:
                _copy(connection, "logs", waiting)
                waiting, before, done = [], done, done + lines
                if before < rows * 5 // 6 <= done:
                    # As autovacuum does behind steady inserts.
                    connection.execute(f"VACUUM (ANALYZE) logs_{start:%Y%m%d}, logs_{now:%Y%m%d}")
        _copy(connection, "logs", waiting)


def _copy(connection: psycopg.Connection[Any], table: str, texts: Any) -> None:
    with connection.cursor().copy(f"COPY {table} ({COLUMNS}) FROM STDIN") as copy:
        for text in texts:
            copy.write(text)


def _beside(day: datetime) -> str:
    return f"loading_{day:%Y%m%d}"


def _attach(day: datetime) -> None:
    """Make the loaded table the partition of its day: its indexes are built in bulk."""
    from django.db import connection, transaction

    name = f"logs_{day:%Y%m%d}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0]:
            cursor.execute(f"INSERT INTO {_beside(day)} SELECT * FROM {name}")
            cursor.execute(f"DROP TABLE {name}")
        cursor.execute(f"ALTER TABLE {_beside(day)} RENAME TO {name}")
        cursor.execute(
            f"ALTER TABLE logs ATTACH PARTITION {name} FOR VALUES FROM ('{day.isoformat()}') "
            f"TO ('{(day + DAY).isoformat()}')"
        )


def _tidy_up(opened: AsyncResult[None], now: datetime) -> None:
    """Let the jobs do what they would have done meanwhile: count and merge. No log is sealed."""
    from django.db import connection

    from logs.storage import rollup
    from logs.storage.partitions import partitions
    from logs.tasks import merge_log_counts

    with connection.cursor() as cursor:
        opened.get()
        for each in partitions():
            rollup.repair(each.start, each.end)
        merge_log_counts()
        cursor.execute("VACUUM (ANALYZE) logs, log_counts")


def main() -> None:
    """Make the data set, or throw it away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--fresh", action="store_true", help="make it anew")
    parser.add_argument("--remove", action="store_true", help="throw it away")
    chosen = parser.parse_args()
    if chosen.remove:
        directory = PLACE / str(chosen.rows)
        place_settings(directory)
        remove(directory)
        shutil.rmtree(directory)
        return
    with dataset(chosen.rows, is_fresh=chosen.fresh) as made:
        print(f"{made.rows:,} logs in {made.directory}, made at {made.now:%F %T} UTC")


if __name__ == "__main__":
    main()

"""Settings of the PostgreSQL server that lose data or make it slow, reported before someone has to find out.

Asked for by `manage.py check --database default` and by every `migrate`, and shown to superusers on the diagnostics
page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pulseops.server import options

_KB, _MB, _GB = 1024, 1024**2, 1024**3
_UNITS = {"B": 1, "kB": _KB, "8kB": 8 * _KB, "MB": _MB, "ms": 0.001, "s": 1, "min": 60}
_OLDEST = 150000  # PostgreSQL 15
_BACKGROUND = 12  # connections of a worker's own processes, of the loop and of the one who looks by psql
Value = float | str
Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Weakness:
    """A setting that hurts: what may happen, and what to do about it.

    `is_dangerous`: rows can be lost, the operator of the server.
    """

    number: int
    name: str
    is_there: Callable[[Values], bool]
    text: str
    hint: str
    is_dangerous: bool = False

    @property
    def id(self) -> str:
        """The system check's id."""
        return f"pulseops.W{self.number:03}"


def _is(name: str, value: str) -> Callable[[Values], bool]:
    return lambda values: values.get(name) == value


def _below(name: str, least: float) -> Callable[[Values], bool]:
    def is_below(values: Values) -> bool:
        value = values.get(name)
        return isinstance(value, float) and 0 <= value < least  # -1 stands for another setting's value

    return is_below


def connections_needed() -> int:
    """Return how many connections the processes of one machine open."""
    pooled = settings.DATABASE_POOL_SIZE or options.POOL_SIZE
    workers = int(str(settings.Q_CLUSTER["workers"]))
    return options.WEB_WORKERS * pooled + workers + _BACKGROUND


def _has_few_connections(values: Values) -> bool:
    free = sum(
        sign * float(values.get(name, 0))
        for name, sign in (("max_connections", 1), ("superuser_reserved_connections", -1), ("reserved_connections", -1))
    )
    return free < connections_needed()


WEAKNESSES = (
    Weakness(10, "fsync", _is("fsync", "off"), "A crash of the machine destroys the whole database.",
             "Set fsync = on.", is_dangerous=True),
    Weakness(11, "full_page_writes", _is("full_page_writes", "off"),
             "A crash of the machine can leave pages half written, and logs that cannot be read.",
             "Set full_page_writes = on.", is_dangerous=True),
    Weakness(12, "synchronous_commit", _is("synchronous_commit", "off"),
             "Logs are acknowledged before they are on the disk: a crash loses the last moments.",
             "Set synchronous_commit = on for PulseOps' role or database.", is_dangerous=True),
    Weakness(13, "autovacuum", _is("autovacuum", "off"),
             "Deleted rows are never cleared away, and plans go wrong for lack of statistics.",
             "Set autovacuum = on.", is_dangerous=True),
    Weakness(14, "server_encoding", lambda values: values.get("server_encoding", "UTF8") != "UTF8",
             "Logs with other characters than the encoding's are refused.",
             "Create the database anew with ENCODING 'UTF8'.", is_dangerous=True),
    Weakness(15, "shared_buffers", _below("shared_buffers", 256 * _MB),
             "What is written and searched all the time is fetched from the kernel again and again.",
             "A quarter of the machine's memory is usual where PostgreSQL has it to itself."),
    Weakness(16, "effective_cache_size", _below("effective_cache_size", 512 * _MB),
             "The planner believes that nothing is in memory, and avoids indexes.",
             "Set it to about three quarters of the machine's memory; it reserves nothing."),
    Weakness(17, "max_wal_size", _below("max_wal_size", 2 * _GB),
             "Much ingest forces a checkpoint every few seconds, and each writes whole pages to the log again.",
             "4GB, or as much as the disk can spare."),
    Weakness(18, "checkpoint_timeout", _below("checkpoint_timeout", 300),
             "Checkpoints come so often that pages are written to the log whole, again and again.", "15min."),
    Weakness(19, "work_mem", _below("work_mem", 4 * _MB), "Sorts and hashes of ordinary pages go to files.", "16MB."),
    Weakness(20, "maintenance_work_mem", _below("maintenance_work_mem", 64 * _MB),
             "The indexes of finished days are built in many passes.", "256MB."),
    Weakness(21, "random_page_cost", lambda values: float(values.get("random_page_cost", 1)) > 2,
             "On solid-state disks this keeps the planner off good indexes.", "1.1, unless the disks spin."),
    Weakness(22, "jit", _is("jit", "on"), "Compiling short queries costs more than it saves.",
             "Set jit = off for PulseOps' role or database."),
    Weakness(23, "max_connections", _has_few_connections,
             "There are fewer connections than the processes of one machine open: some will fail.",
             "Raise max_connections, or lower WEB_WORKERS, WEB_THREADS or WORKERS."),
)  # fmt: skip
_WANTED = [*{weakness.name for weakness in WEAKNESSES}, "superuser_reserved_connections", "reserved_connections"]


@dataclass(frozen=True, slots=True)
class Found:
    """A weakness of the current server, and the value that it has as PostgreSQL shows it."""

    weakness: Weakness
    shown: str


def weaknesses(connection: Any) -> Sequence[Found]:
    """Return what of the connection's server is dangerous or slow; one query.

    Of the embedded server only what is dangerous, which someone must have set: its sizes we chose ourselves.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting, unit, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [_WANTED]
        )
        rows = cursor.fetchall()
    values = {name: _value(setting, unit) for name, setting, unit, _ in rows}
    shown = {name: text for name, _, _, text in rows}
    is_ours = connection.settings_dict["ENGINE"] == "pulseops.core.postgres"
    return [
        Found(each, shown.get(each.name, ""))
        for each in WEAKNESSES
        if (each.is_dangerous or not is_ours) and each.is_there(values)
    ]


def _value(setting: str, unit: str | None) -> Value:
    """Return a number in bytes or seconds, or a word."""
    try:
        return float(setting) * _UNITS.get(unit or "", 1)
    except ValueError:
        return setting


@checks.register(checks.Tags.database)
def server_is_well_set(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn of a server whose settings lose data or are slow; refuse one that is too old."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection: BaseDatabaseWrapper = connections[alias]
        connection.ensure_connection()
        version: int = connection.pg_version  # type: ignore[attr-defined]  # PostgreSQL's wrapper
        if version < _OLDEST:
            title = f"The server is PostgreSQL {version // 10000}."
            messages.append(checks.Error(title, hint="PulseOps needs 15 or newer.", id="pulseops.E011"))
        messages += [
            checks.Warning(f"{each.weakness.name} is {each.shown}. {each.weakness.text}", hint=each.weakness.hint,
                           id=each.weakness.id)
            for each in weaknesses(connection)
        ]  # fmt: skip
    return messages

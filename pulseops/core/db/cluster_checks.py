"""System checks of a database on Citus: what does not answer there, and what would fail later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError

from pulseops.core.db.distribution import (
    LONGEST_INDEX_NAME,
    broken_shard_indexes,
    distributed_tables,
    has_background_workers,
    long_index_names,
    silent_workers,
)

SILENT = "pulseops.W033"
_SHOWN = 5  # names


@checks.register(checks.Tags.database)
def cluster_is_in_order(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn of workers that do not answer, and of what lets Citus' own process, or work on indexes, fail."""
    if "default" not in (databases or ()) or not _is_cluster():
        return []
    return [*_silent(), *_background(), *_long_names(), *_broken_indexes()]


def _is_cluster() -> bool:
    try:
        return bool(distributed_tables())
    except DatabaseError:  # other checks say so
        return False


def _silent() -> Iterator[CheckMessage]:
    if places := silent_workers():
        yield checks.Warning(
            f"Workers of Citus do not answer: {', '.join(places)}.",
            hint="Start them, or let their standbys take their place: docs/operations.md, “Growing past one machine”.",
            id=SILENT,
        )


def _background() -> Iterator[CheckMessage]:
    if not has_background_workers():
        yield checks.Warning(
            "max_worker_processes is not above the number of databases: Citus may find no deadlock between workers, "
            "and may not end transactions that were cut off.",
            hint="Raise it on the coordinator, and restart that.",
            id="pulseops.W034",
        )


def _long_names() -> Iterator[CheckMessage]:
    if names := long_index_names():
        yield checks.Warning(
            f"Names of indexes have more than {LONGEST_INDEX_NAME} letters, to which their shards append: "
            f"{_some(names)}.",
            hint="Run ALTER INDEX … RENAME TO … for each: else REINDEX CONCURRENTLY takes two of them for one.",
            id="pulseops.W035",
        )


def _broken_indexes() -> Iterator[CheckMessage]:
    if names := broken_shard_indexes():
        yield checks.Warning(
            f"Indexes of shards are not finished, which the coordinator does not know: {_some(names)}.",
            hint="Where nothing builds them now: SET citus.enable_manual_changes_to_shards = on; DROP INDEX …; on "
            "the worker that has them.",
            id="pulseops.W036",
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

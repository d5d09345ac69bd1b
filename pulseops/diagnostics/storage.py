"""What the logs take on the disk, and whether it will last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from accounts.queries import org_names
from logs.storage.blocks.table import Damage, damage
from logs.storage.sizes import PartitionSize, table_sizes
from pulseops.pages.banners import Disk, data_disk
from services.intake import Sender


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the logs' size goes if they come as they did in the last 24 hours; bytes, and days until the disk is full.

    `settles_at` is their size once retention takes away as much as comes. `days_left` is None when that fits.
    """

    daily: float
    settles_at: float
    days_left: float | None


@dataclass(frozen=True, slots=True)
class DamagedLogs:
    """Blocks of sealed logs of an organisation that cannot be read."""

    org: str
    blocks: Damage


@dataclass(frozen=True, slots=True)
class Storage:
    """The partitions, newest first, the whole database in bytes, and the disk as far as it can be seen."""

    partitions: Sequence[PartitionSize]
    database: int
    disk: Disk | None
    forecast: Forecast | None
    damaged: Sequence[DamagedLogs] = ()

    @property
    def logs(self) -> int:
        """What the logs take, in bytes."""
        return sum(each.total for each in self.partitions)

    @property
    def sealed(self) -> int:
        """How many logs are in blocks."""
        return sum(each.rows for each in self.partitions if each.is_of_blocks)

    @property
    def sealed_bytes(self) -> int:
        """What those take."""
        return sum(each.total for each in self.partitions if each.is_of_blocks)

    @property
    def is_sealing(self) -> bool:
        """Whether what is over is sealed."""
        return settings.LOG_SEAL

    @property
    def waiting(self) -> int:
        """How many logs are rows of days that are over, by PostgreSQL's estimate."""
        return sum(each.rows for each in self.partitions if each.is_over(timezone.now()))

    @property
    def rows(self) -> int:
        """How many logs there are, by PostgreSQL's estimate."""
        return sum(each.rows for each in self.partitions)


def storage(senders: Sequence[Sender]) -> Storage | None:
    """Return the whole installation's storage, given all who send to it; two queries, and one more
    where something is damaged.

    Returns None where a job that holds the table for itself keeps it waiting.
    """
    sizes = table_sizes()
    if sizes is None:
        return None
    result = Storage(sizes.partitions, sizes.database, data_disk(), None, _damaged())
    day, kept = sum(each.day for each in senders), sum(each.kept for each in senders)
    if not result.rows or not day:
        return result
    free = result.disk.free if result.disk else None
    return replace(result, forecast=predict(size=result.logs, rows=result.rows, day=day, kept=kept, free=free))


def _damaged() -> list[DamagedLogs]:
    found = damage()
    names = org_names([each.org_id for each in found]) if found else {}
    return [DamagedLogs(names.get(each.org_id, str(each.org_id)), each) for each in found]


def predict(*, size: int, rows: int, day: int, kept: int, free: int | None) -> Forecast:
    """Tell how the logs grow: `size` bytes for `rows` logs now, `day` more a day, `kept` of them in the long run.

    The mean size of a log is taken from what is stored. `free` bytes of disk, None where that cannot be seen.
    """
    each = size / rows
    daily, settles_at = day * each, kept * each
    is_short = free is not None and settles_at - size > free
    return Forecast(daily, settles_at, free / daily if is_short and free is not None else None)

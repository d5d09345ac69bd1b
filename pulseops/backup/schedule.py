"""Backups by themselves: into BACKUP_DIR every BACKUP_HOURS, of which BACKUP_KEEP are kept; and the last good one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.utils import timezone

from pulseops.backup import object_storage
from pulseops.backup.create import Progress, create_backup
from pulseops.core.jobs.registry import Result, recorded_job
from pulseops.core.jobs.runs import last_success

JOB = "back_up"
SUFFIX = ".pulseops"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last one that went well: when, and how many bytes; `path` is where it was written to."""

    at: datetime
    bytes: int
    path: str


def last_backup() -> LastBackup | None:
    """Return the last good backup on record, of a schedule or by command; one query."""
    match last_success(JOB):
        case (at, result):
            return LastBackup(at, int(result.get("bytes", 0)), str(result.get("path", "")))
    return None


def is_due() -> bool:
    """Return whether the schedule wants another one now."""
    last = last_backup()
    return last is None or last.at <= timezone.now() - timedelta(hours=settings.BACKUP_HOURS) + timedelta(minutes=5)


@recorded_job("start_backup", every=timedelta(minutes=30))
def start_backup() -> Result:
    """Start a backup beside the worker, whose tasks have two minutes, if one is due."""
    if not settings.BACKUP_DIR or not is_due():
        return {"started": False}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "backup", "--scheduled"]
    subprocess.Popen(command, cwd=settings.BASE_DIR, start_new_session=True, stdin=subprocess.DEVNULL)
    return {"started": True}


@recorded_job(JOB)
def back_up(path: str, progress: Progress) -> Result:
    """Write a backup to `path`, or to the object `s3://BUCKET/NAME`, whole or not at all."""
    if path.startswith(object_storage.SCHEME):
        return _upload(path, progress)
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            create_backup(file, progress=progress, bytes_per_second=settings.BACKUP_BYTES_PER_SECOND)
            _to_disk(file)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return {"path": str(target), "bytes": target.stat().st_size}


def _upload(url: str, progress: Progress) -> Result:
    with object_storage.open_object(url) as upload:
        create_backup(cast("BinaryIO", upload), progress=progress, bytes_per_second=settings.BACKUP_BYTES_PER_SECOND)
    return {"path": url, "bytes": upload.size}


def scheduled_path() -> Path:
    """Return where the next backup of the schedule goes; its directory is made."""
    directory = Path(settings.BACKUP_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory / f"{datetime.now(UTC):%Y%m%d-%H%M%S}{SUFFIX}"


def prune() -> list[str]:
    """Remove what the schedule has written beyond the newest BACKUP_KEEP; returns the names."""
    old = sorted(Path(settings.BACKUP_DIR).glob(f"[0-9]*-[0-9]*{SUFFIX}"))[: -settings.BACKUP_KEEP]
    for path in old:
        path.unlink()
    return [path.name for path in old]


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())

"""What the doctor sees of the processes: worker, dispatcher, recorded jobs, channels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.queries import live_orgs
from notifications.queries import unreachable_channels
from pulseops.backup.schedule import last_backup
from pulseops.core.db.row_security import outside_the_wall
from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.jobs.runs import activity
from pulseops.core.ui.times import duration
from pulseops.core.web.health import EVALUATION, WORKER_SILENT_AFTER
from pulseops.doctor.findings import Finding, Level, ok
from pulseops.pages.banners import MOST_FAILURES

_START = "Start it: manage.py up starts all, docs/operations.md says how to run each."


def background() -> Iterator[Finding]:
    """Whether worker and dispatcher are heard, and rules evaluated in time."""
    heartbeats = activity([*REGISTRY], limit=1).heartbeats
    for name, label, level in (("worker", "Worker", Level.PROBLEM), ("loop", "Dispatcher", Level.WARNING)):
        silence = heartbeats.silence(name)
        if silence is not None and silence <= WORKER_SILENT_AFTER:
            yield ok(label, f"Heard {_ago(silence)}.")
        else:
            text = f"Silent: last heard {_ago(silence)}." if silence is not None else "It has never been heard."
            yield Finding(level, label, text, _START)
    age = heartbeats.silence(EVALUATION)
    if age is not None and age > WORKER_SILENT_AFTER:
        text = f"Some organisation's rules have not been evaluated for {duration(age.total_seconds())}."
        yield Finding(Level.PROBLEM, "Alert rules", text, "Diagnostics shows which; its rules' filters may be slow.")


def jobs() -> Iterator[Finding]:
    """Jobs whose newest run failed, with the error."""
    failing = [run for run in activity([*REGISTRY], limit=1).runs if run.status == "failure"]
    for run in failing:
        text = f"{run.job} failed: {run.error or 'it does not say why'}."
        yield Finding(Level.PROBLEM, "Job", text, "Its runs stand on Diagnostics; the worker's log has the traceback.")
    if not failing:
        yield ok("Jobs", "The newest run of each went well.")


def backups() -> Iterator[Finding]:
    """Whether there is a good backup that is not old."""
    last, hours = last_backup(), settings.BACKUP_HOURS
    advice = "Set BACKUP_DIR, or run manage.py backup PATH from a schedule of yours (docs/operations.md)."
    if last is None and settings.DATABASE_URL and not settings.BACKUP_DIR:
        yield ok("Backup", "None by PulseOps is on record; those of your PostgreSQL cannot be seen from here.")
    elif last is None:
        yield Finding(Level.WARNING, "Backup", "There is none on record.", advice)
    elif (age := timezone.now() - last.at) > 2 * timedelta(hours=hours):
        text = f"The last good one was made {_ago(age)}."
        yield Finding(Level.WARNING, "Backup", text, "See why under Diagnostics, job back_up.")
    else:
        yield ok("Backup", f"The last good one was made {_ago(timezone.now() - last.at)}: {last.path}.")


def channels() -> Iterator[Finding]:
    """Channels that no message reaches, of all organisations."""
    with outside_the_wall("the doctor looks at all organisations"):
        rows = live_orgs().annotate(failing=unreachable_channels(failures=MOST_FAILURES))
        orgs = [org for org in rows if org.failing]
    for org in orgs:
        names = ", ".join(org.failing)
        text = f"{org.name}: {names} cannot be reached."
        yield Finding(Level.WARNING, "Channels", text, "Its admins see why under Channels, and can send a test.")
    if not orgs:
        yield ok("Channels", "All that are on can be reached.")


def _ago(silence: timedelta) -> str:
    return f"{duration(silence.total_seconds())} ago"

"""Is it alive, is it ready: two public routes, and the heartbeat they read."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pulseops.core.errors import json_data
from pulseops.core.models import Heartbeat

WORKER_SILENT_AFTER = timedelta(minutes=2)


def beat(name: str) -> None:
    """Note a sign of life of `name` now."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": timezone.now()})


def worker_silence(name: str = "worker") -> timedelta | None:
    """Return for how long no worker has been heard, or None when one was within the last two minutes.

    With no heartbeat at all it is `timedelta.max`. `name` may be another kind of process: "loop".
    """
    last = Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()
    silence = timezone.now() - last if last else timedelta.max
    return silence if silence > WORKER_SILENT_AFTER else None


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive; touches no database."""
    return json_data({"ok": True})


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when database, migrations and worker are all well, else 503; each with a word."""
    report = {"database": "ok", "migrations": "unknown", "worker": "unknown"}
    try:
        report["migrations"] = _migrations()
        report["worker"] = "silent" if worker_silence() else "ok"
    except DatabaseError:
        report["database"] = "unavailable" if not _answers() else "ok"
    return JsonResponse(report, status=200 if set(report.values()) == {"ok"} else 503)


def _answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return connection.is_usable()


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(pending)} pending" if pending else "ok"

"""Is it alive, is it ready: two public routes, and the heartbeat they read.

They are machine routes, so they answer under any Host: load balancers ask by address.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pulseops.core.models import Heartbeat
from pulseops.core.web.draining import draining
from pulseops.core.web.json_errors import json_data
from pulseops.core.web.machine_routes import machine_route

WORKER_SILENT_AFTER = timedelta(minutes=2)
EVALUATION = "evaluation"  # beats when the organisation that waits longest for the evaluation of its rules has its turn


def beat(name: str, *, at: datetime | None = None) -> None:
    """Record a heartbeat of `name` at `at` or now, by the database's clock: those of two machines may differ."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": at or Now()})


@login_not_required
@machine_route
@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive; touches no database."""
    return json_data({"ok": True})


@login_not_required
@machine_route
@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when database, migrations, worker and loop are all well, else 503; each with a word.

    `?part=web` leaves worker and loop out, for load balancers: without them pages and ingest work all the same. While
    this server is about to stop, `web` is "draining", and its status 503.
    """
    report = {"database": "ok", "migrations": "unknown"}
    if draining.has_begun:
        report["web"] = "draining"
    is_whole = request.GET.get("part") != "web"
    if is_whole:
        report["worker"] = "unknown"
    try:
        report["migrations"] = _migrations.word()
        if is_whole:
            report["worker"] = _background()
    except DatabaseError:
        report["database"] = "unavailable" if not _answers() else "ok"
    return JsonResponse(report, status=200 if set(report.values()) == {"ok"} else 503)


def _answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return connection.is_usable()


def _background() -> str:
    """Say `silent` when no worker was heard lately, `loop silent` when it is the loop that was not.

    `evaluation late`: both are there, and some organisation's alert rules have not been evaluated for two minutes.
    """
    beats = Heartbeat.objects.annotate(is_late=Q(beat_at__lt=Now() - WORKER_SILENT_AFTER))
    late = dict(beats.values_list("name", "is_late"))
    if late.get("worker", True):
        return "silent"
    if late.get("loop", True):
        return "loop silent"
    return "evaluation late" if late.get(EVALUATION, False) else "ok"


class _Migrations:
    """Whether all migrations of this process's code are applied.

    Load balancers ask often, and the graph of all migrations takes a tenth of a second, and 13 MB that are never given
    back. So it is made only where the name of a file is not among the rows; mostly that is one that is pending.
    """

    def __init__(self) -> None:
        self._complete: frozenset[tuple[str, str]] | None = None

    def word(self) -> str:
        """Say `ok`, or how many are pending."""
        recorded = MigrationRecorder(connection)
        if self._complete is None:
            self._complete = _names_of_migrations()
        if self._complete <= set(recorded.migration_qs.values_list("app", "name")):
            return "ok"
        executor = MigrationExecutor(connection)
        if pending := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return f"{len(pending)} pending"
        self._complete = frozenset(recorded.applied_migrations())
        return "ok"


def _names_of_migrations() -> frozenset[tuple[str, str]]:
    """Return app and name of each file of migrations; one that others have replaced may have no row."""
    return frozenset(
        (app.label, path.stem)
        for app in apps.get_app_configs()
        for path in Path(app.path, "migrations").glob("[!_~]*.py")
    )


_migrations = _Migrations()

"""Maintenance windows: meanwhile incidents open silently, and nothing is sent about them.

What is still open when the window ends is announced then, so that nothing is forgotten.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import DateTimeField, Q, QuerySet, UUIDField
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.quotas import claim
from incidents.models import Incident, MaintenanceWindow
from incidents.notices import announce
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
from services.models import Environment, Service

log = logging.getLogger(__name__)
LONGEST = timedelta(days=7)
MOST_AT_ONCE = 500  # incidents announced in one pass


@transaction.atomic
def open_window(
    *,
    actor: User | None,
    org: Org,
    service: Service,
    environment: Environment | None,
    until: datetime,
    reason: str,
    via: str = "",
) -> MaintenanceWindow:
    """Begin maintenance of a service, or of one of its environments, until `until`. Raises QuotaError."""
    claim(org, "maintenance")
    window = MaintenanceWindow.objects.create(
        org=org, service=service, environment=environment, ends_at=until, reason=reason, created_by=actor
    )
    meta = {"name": str(window), "until": until.isoformat(), "reason": reason, **({"via": via} if via else {})}
    record(actor=actor, org=org, action="maintenance.started", resource=window, meta=meta)
    return window


@transaction.atomic
def end_window(*, actor: User | None, window: MaintenanceWindow) -> bool:
    """End maintenance now; returns whether it was on."""
    now = timezone.now()
    changed = MaintenanceWindow.objects.filter(pk=window.pk, ends_at__gt=now).update(ends_at=now)
    if changed:
        Incident.objects.filter(org=window.org, silenced_until=window.ends_at).update(silenced_until=now)
        record(actor=actor, org=window.org, action="maintenance.ended", resource=window, meta={"name": str(window)})
    return bool(changed)


def windows_on(org: Org) -> list[MaintenanceWindow]:
    """Return the windows that are on, those that end first before the others; one query."""
    rows = MaintenanceWindow.objects.for_org(org).filter(ends_at__gt=timezone.now())
    return list(rows.select_related("service", "environment__service", "created_by").order_by("ends_at", "pk"))


def silent_until(org_id: UUID, service_id: UUID, environment_id: UUID, at: datetime) -> datetime | None:
    """Return when the maintenance ends that an environment is in at `at`, None if it is in none."""
    windows = _WINDOWS.fetch(org=org_id, service=service_id, environment=environment_id, at=at)
    return windows[0].ends_at if windows else None


def _windows() -> QuerySet[MaintenanceWindow]:
    at, environment = Parameter("at", DateTimeField()), Parameter("environment", UUIDField())
    org, service = Parameter("org", UUIDField()), Parameter("service", UUIDField())
    rows = MaintenanceWindow.objects.filter(org_id=org, service_id=service, starts_at__lte=at, ends_at__gt=at)
    return rows.filter(Q(environment_id=environment) | Q(environment_id=None)).order_by("-ends_at")[:1]


_WINDOWS = CompiledRows(_windows)


def announce_after_maintenance(now: datetime | None = None) -> int:
    """Announce what was opened silently and is open still; returns how many."""
    now = now or timezone.now()
    due = Incident.objects.filter(silenced_until__lte=now).order_by("silenced_until", "pk")
    announced = 0
    for pk in list(due.values_list("pk", flat=True)[:MOST_AT_ONCE]):
        try:
            announced += _announce(pk, now)
        except Exception:
            log.exception("an incident could not be announced", extra={"incident": pk})
    return announced


@transaction.atomic
def _announce(pk: int, now: datetime) -> bool:
    rows = Incident.objects.select_for_update(of=("self",)).select_related("org", "service", "environment")
    incident = rows.filter(pk=pk, silenced_until__lte=now).first()
    if incident is None:
        return False
    incident.silenced_until = None
    incident.save(update_fields=["silenced_until"])
    if not incident.is_live:
        return False
    announce(incident, "created", actor=None, text="Opened during maintenance, which is over.", at=now)
    return True

"""Settings → Diagnostics: whether PulseOps itself does its work.

Admins see their organisation's own figures, and of the installation whether its jobs run. Superusers, who run it, see
the errors of jobs, all organisations' intake, the storage and the versions as well.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Org
from accounts.quotas import usage
from accounts.tenancy import OrgRequest, org_admin
from alerts.lag import lag_of, oldest_lags
from pulseops.backup.schedule import last_backup
from pulseops.core.db.row_security import outside_the_wall
from pulseops.core.secret_check import HINT, consequence, foreign_secrets, stored_values
from pulseops.diagnostics.errors import mishaps
from pulseops.diagnostics.jobs import background, job_activity, job_reports, queue_depth
from pulseops.diagnostics.postgres_checks import weaknesses
from pulseops.diagnostics.storage import storage
from pulseops.diagnostics.versions import versions
from services.intake import intake, orgs_by_intake, services_by_intake

SHOWN_ORGS = 20


@require_safe
@org_admin
def diagnostics(request: OrgRequest) -> HttpResponse:
    """Show how PulseOps itself is doing; each call below is one query."""
    if not request.user.is_superuser:
        return _page(request, is_operator=False)
    with outside_the_wall("the operator of the installation is shown all organisations"):
        return _page(request, is_operator=True)


def _page(request: OrgRequest, *, is_operator: bool) -> HttpResponse:
    now = timezone.now()
    own, everybody = intake(request.org, now)
    activity = job_activity()
    values = {
        "is_operator": is_operator,
        "background": background(request.org, activity.heartbeats),
        "queue_depth": queue_depth(),
        "jobs": job_reports(activity.runs),
        **_lags(request.org, is_operator=is_operator),
        "intake": own,
        "services": services_by_intake(request.org, now),
        "mishaps": mishaps(request.org, now),
        "quotas": usage(request.org),
        **({"intake_of_all": everybody, **_installation(now)} if is_operator else {}),
    }
    return render(request, "diagnostics/diagnostics.html", values)


def _lags(org: Org, *, is_operator: bool) -> dict[str, Any]:
    if not is_operator:
        return {"lag": lag_of(org)}
    lags = oldest_lags(SHOWN_ORGS, org)
    return {"lag": next((each for each in lags if each.org_id == org.pk), None), "lags": lags}


def _installation(now: datetime) -> dict[str, Any]:
    senders = orgs_by_intake(now)
    return {
        "orgs": senders[:SHOWN_ORGS],
        "storage": storage(senders),
        "backup": last_backup(),
        "versions": versions(),
        "foreign_secrets": list(map(consequence, foreign_secrets(stored_values()))),
        "secrets_hint": HINT,
        "weaknesses": weaknesses(connection),
    }

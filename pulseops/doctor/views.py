"""The doctor's page, for superusers."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.tenancy import OrgRequest, org_admin
from pulseops.core.db.row_security import outside_the_wall
from pulseops.doctor.checkup import examine
from pulseops.doctor.findings import Level


@require_safe
@org_admin
def doctor(request: OrgRequest) -> HttpResponse:
    """Show what is wrong first; superusers alone may see it."""
    if not request.user.is_superuser:
        raise PermissionDenied
    with outside_the_wall("the doctor looks at the whole installation"):
        findings = examine()
    values = {
        "unwell": sorted((each for each in findings if each.level), key=lambda each: -each.level),
        "well": [each for each in findings if each.level is Level.OK],
    }
    return render(request, "diagnostics/doctor.html", values)

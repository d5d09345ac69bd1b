"""Maintenance windows: those that are on, a new one, ending one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.quotas import QuotaError
from accounts.tenancy import OrgRequest, org_developer
from incidents.maintenance import end_window, open_window, windows_on
from incidents.maintenance_forms import WindowForm
from incidents.models import MaintenanceWindow


@require_http_methods(["GET", "POST"])
@org_developer
def maintenance(request: OrgRequest) -> HttpResponse:
    """Show the windows that are on, and begin one."""
    form = WindowForm(request.POST or None, org=request.org, is_admin=request.membership.is_admin)
    if request.method == "POST" and form.is_valid():
        try:
            window = open_window(actor=request.user, org=request.org, **form.values(timezone.now()))
        except QuotaError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"Maintenance of {window} has started: nothing is sent about its incidents.")
            return redirect("incidents:maintenance")
    values = {"form": form, "windows": windows_on(request.org)}
    return render(request, "incidents/maintenance.html", values, status=422 if form.errors else 200)


@require_POST
@org_developer
def maintenance_end(request: OrgRequest, window_id: int) -> HttpResponse:
    """End a window now."""
    rows = MaintenanceWindow.objects.for_org(request.org).select_related("org", "service", "environment")
    window = get_object_or_404(rows, pk=window_id)
    if end_window(actor=request.user, window=window):
        messages.success(request, "The maintenance has ended; what is still open is announced.")
    return redirect("incidents:maintenance")

"""The page of a service's ingest rules: enter them, see what they would do, save them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.tenancy import OrgRequest, org_developer
from logs.ingest_rules.counts import totals
from logs.ingest_rules.forms import IngestRulesForm
from logs.ingest_rules.preview import preview
from logs.ingest_rules.rules import IngestRules
from pulseops.core.extensions import Panel
from services.actions import change_ingest_rules
from services.models import Service
from services.views.lookups import find_service, gone_is_404, posted


@require_http_methods(["GET", "HEAD", "POST"])
@org_developer
@gone_is_404
def ingest_rules(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Show, preview or save the rules."""
    service = find_service(request, service_id)
    form = IngestRulesForm(posted(request), rules=IngestRules.read(service.ingest_rules))
    context = {"service": service, "form": form, "totals": totals(service)}
    if form.is_valid():
        if "preview" not in request.POST:
            change_ingest_rules(actor=request.user, service=service, rules=form.rules.to_json())
            messages.success(request, f"The ingest rules of {service.name} are saved; they apply from now on.")
            return redirect("logs:ingest_rules", service.pk)
        context["preview"] = preview(service, form.rules)
    return render(request, "logs/ingest_rules.html", context, status=422 if form.errors else 200)


def rules_panel(_request: HttpRequest, service: Service) -> Panel | None:
    """Show on a service's page what its rules did, and the way to them."""
    rules = IngestRules.read(service.ingest_rules)
    values = {
        "totals": totals(service) if service.ingest_version else [],
        "has_rules": bool(rules.to_json()),
        "url": reverse("logs:ingest_rules", args=[service.pk]),
    }
    return Panel("Ingest rules", "logs/_ingest_rules_panel.html", values, anchor="ingest-rules")

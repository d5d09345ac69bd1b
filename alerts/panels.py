"""What alerts add to other apps' pages."""

from __future__ import annotations

from django.http import HttpRequest

from alerts.describe import in_words
from alerts.models import AlertRule
from incidents.models import Incident
from pulseops.core.extensions import Panel


def rule_panel(request: HttpRequest, incident: Incident) -> Panel | None:
    """Say on an incident's page which rule opened it; None for one opened by hand."""
    if incident.rule_id is None:
        return None
    rows = AlertRule.objects.filter(org_id=incident.org_id).select_related("service", "environment__service")
    rule = rows.filter(pk=incident.rule_id).first()
    words = in_words(rule) if rule else "The rule was deleted."
    return Panel("Rule", "alerts/_incident_panel.html", {"rule": rule, "words": words}, words=words)

"""What channels would have got of the last week's incidents, for the form of their filters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from accounts.models import Org
from incidents.models import Incident
from incidents.notices import subject_of
from notifications.routing import PastSubject

_WITHIN = timedelta(days=7)
_MOST = 300


def past_subjects(org: Org) -> Sequence[PastSubject]:
    """Return the incidents that were opened in the last week, latest first; one query."""
    rows = Incident.objects.for_org(org).filter(created_at__gte=timezone.now() - _WITHIN)
    rows = rows.select_related("environment").defer("evidence_json", "description").order_by("-created_at", "-pk")
    return [
        PastSubject(
            f"#{each.pk} {each.title}", reverse("incidents:detail", args=[each.pk]), each.created_at, subject_of(each)
        )
        for each in rows[:_MOST]
    ]

"""The chart beside an incident's evidence: as wide as the rule's window asks, its curve what the rule counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Org
from incidents.evidence import Charted, Evidence
from incidents.models import Incident
from incidents.queries import evidence_chart
from tests.support.alerting import make_incident, receive
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("window", "parts", "bar", "bars"),
    [(1, 1, 60, 120), (5, 5, 60, 120), (60, 5, 720, 120), (1440, 120, 720, 120)],
)
def test_the_chart_of_the_evidence_has_parts_of_the_window(window: int, parts: int, bar: int, bars: int) -> None:
    charted = Charted("error", window)
    assert (charted.parts, charted.width) == (parts, timedelta(seconds=bar))
    assert 2 * charted.span / charted.width == bars


def test_the_curve_of_the_evidence_is_what_the_rule_counts(org: Org) -> None:
    production = make_service(org, "shop").environments.get(name="production")
    now = timezone.now()
    for minutes in (14, 13, 12):
        receive(production, 2, now - timedelta(minutes=minutes))
    incident = make_incident(org, environment=production)
    Incident.objects.filter(pk=incident.pk).update(created_at=now - timedelta(minutes=11, seconds=30))
    incident.refresh_from_db()
    chart = evidence_chart(incident, Evidence(now, 6, 6, window_minutes=5, level="error"))
    assert chart is not None
    assert chart.threshold is not None
    assert [bar.title.split(": ")[1] for bar in chart.bars if bar.segments] == ["2 error"] * 3
    heights = [float(part.split("V")[1]) for part in chart.curve.split("H")[1:]]
    assert min(heights) == float(chart.threshold.place)  # the sum comes up to the threshold, which no bar does
    assert heights[-1] == chart.bottom

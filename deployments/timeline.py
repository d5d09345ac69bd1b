"""Deployments on other pages' timelines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from accounts.models import Org
from deployments.models import Deployment
from deployments.queries import DEPLOYED_AT, deployments_between
from pulseops.core.extensions import Mark

MOST_MARKS = 50  # more lines than that over a histogram hide it


def deployment_marks(
    org: Org, services: Sequence[UUID], environments: Sequence[UUID], since: datetime, until: datetime
) -> list[Mark]:
    """Return a mark for each deployment that was live in [since, until] (UTC), the newest fifty, oldest first."""
    deployments = deployments_between(org, since, until, services=services, environments=environments)
    newest = list(deployments.order_by(DEPLOYED_AT.desc(), "-id")[:MOST_MARKS])
    return [mark_of(each) for each in reversed(newest)]


def mark_of(deployment: Deployment) -> Mark:
    """Return the mark of one deployment, whose service and environment are loaded."""
    return Mark(
        at=deployment.deployed_at,
        kind="deployment",
        label=f"{deployment.service.name} {deployment.short_sha} to {deployment.environment.name}: "
        f"{deployment.state_label.lower()}",
        url=reverse("deployments:detail", args=[deployment.pk]),
        status=deployment.look,
    )

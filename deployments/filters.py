"""The list's filters, as they stand in its address."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse

from deployments.models import Deployment
from deployments.queries import Filters
from services.models import Service


def read_filters(query: QueryDict, services: Sequence[Service]) -> Filters:
    """Read `?service=<id>&environment=<name>&status=<status>`; what is not among the choices is dropped."""
    status = query.get("status", "")
    return Filters(
        service=_service(query.get("service", ""), services),
        environment=query.get("environment", "").replace("\x00", "")[:100],
        status=status if status in Deployment.Status.values else "",
    )


def _service(text: str, services: Sequence[Service]) -> Service | None:
    try:
        wanted = UUID(text)
    except ValueError:
        return None
    return next((each for each in services if each.pk == wanted), None)


def list_url(filters: Filters, *, environment: str | None = None, before: str = "") -> str:
    """Return the address of the list with these filters; `environment` replaces theirs."""
    chosen = {
        "service": str(filters.service.pk) if filters.service else "",
        "environment": filters.environment if environment is None else environment,
        "status": filters.status,
        "before": before,
    }
    query = urlencode({name: value for name, value in chosen.items() if value})
    address = reverse("deployments:list")
    return f"{address}?{query}" if query else address

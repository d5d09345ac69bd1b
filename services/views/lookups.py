"""What a view takes from a request: the form that was sent, and the rows that its address names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from accounts.tenancy import OrgRequest
from services.models import ApiKey, Environment, Service

View = TypeVar("View", bound=Callable[..., HttpResponse])
require_form = require_http_methods(["GET", "HEAD", "POST"])


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what a form is bound to: what was posted, also when that is nothing; None for a page that is only read."""
    return request.POST if request.method == "POST" else None


def find_service(request: OrgRequest, service_id: UUID) -> Service:
    """Return the organisation's service, or answer 404."""
    return get_object_or_404(Service.objects.for_org(request.org).select_related("org", "created_by"), pk=service_id)


def find_environment(request: OrgRequest, service_id: UUID, environment_id: UUID) -> Environment:
    """Return that service's environment, or answer 404."""
    environments = Environment.objects.for_org(request.org).select_related("service__org")
    return get_object_or_404(environments, service=service_id, pk=environment_id)


def find_key(request: OrgRequest, service_id: UUID, key_id: UUID) -> ApiKey:
    """Return that service's key, or answer 404."""
    keys = ApiKey.objects.for_org(request.org).select_related("service__org", "environment", "created_by")
    return get_object_or_404(keys, service=service_id, pk=key_id)


def gone_is_404(view: View) -> View:
    """Answer 404 also when someone deletes the row between the view's lookup and the action's lock."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except ObjectDoesNotExist as error:
            raise Http404 from error

    return guarded  # type: ignore[return-value]

"""A service's GitHub integration: connect, change, rotate, remove, delivery log, replay. Admins only.

A secret is shown once: its maker gets a signed pass to see it, in a cookie that only the integration's page is
sent and that it takes back. The pass holds no secret; it is derived again.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_admin
from deployments import actions
from deployments.forms import IntegrationForm
from deployments.github import queries
from deployments.github.signatures import derive_secret, needs_former_key, secret_state
from deployments.models import GitHubIntegration, WebhookEffect
from pulseops.core.web.one_time_cookie import redirect_to_show
from services.models import Service
from services.queries import services_of

PASS_COOKIE = "fresh_webhook_secret"  # noqa: S105 - its name
PASS_SECONDS = 120
_SALT = "deployments.fresh-secret"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@org_admin
@reauthenticated
def integration(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Show and change a service's integration; without one, make it."""
    service = _find_service(request, service_id)
    row = GitHubIntegration.objects.for_org(request.org).filter(service=service).first()
    form = IntegrationForm(
        request.POST if request.method == "POST" else None,
        environments=list(service.environments.order_by("name")),
        integration=row,
        repository=service.repo_url or "",
    )
    if form.is_valid():
        return _save(request, service, row, form)
    if row is None:
        return render(request, "deployments/integration_new.html", {"service": service, "form": form})
    return _page(request, service, row, form)


def _save(
    request: OrgRequest, service: Service, found: GitHubIntegration | None, form: IntegrationForm
) -> HttpResponse:
    if found is None:
        try:
            made = actions.connect_repository(actor=request.user, service=service, connection=form.connection())
        except actions.AlreadyConnectedError:
            messages.error(request, "Another user connected this service just now.")
            return redirect("deployments:integration", service.pk)
        return _show_once(made)
    actions.change_connection(actor=request.user, integration=found, connection=form.connection())
    messages.success(request, "The integration is saved.")
    return redirect("deployments:integration", service.pk)


def _page(request: OrgRequest, service: Service, found: GitHubIntegration, form: IntegrationForm) -> HttpResponse:
    page = queries.delivery_page(found, request.GET.get("before", ""))
    address = reverse("deployments:integration", args=[service.pk])
    values = {
        "service": service,
        "integration": found,
        "form": form,
        "webhook_url": webhook_url(found),
        "secret": derive_secret(found) if _has_pass(request, found) else "",
        "secret_state": secret_state(found).value,
        "is_outdated": needs_former_key(found),
        "lines": page.rows,
        "newest_url": address if request.GET.get("before") else "",
        "older_url": f"{address}?before={page.older}" if page.older else "",
        "repository_hooks_url": f"https://github.com/{found.repository}/settings/hooks",
    }
    response = render(request, "deployments/integration.html", values)
    response.delete_cookie(PASS_COOKIE, path=request.path, samesite="Strict")
    return response


def webhook_url(integration: GitHubIntegration) -> str:
    """Return the address to paste at GitHub; it names the integration, so no delivery is tried against others."""
    return f"{settings.PUBLIC_URL}{reverse('deployments:webhook')}?integration={integration.pk}"


@require_POST
@org_admin
@reauthenticated
def rotate(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Give the integration a new secret and show it."""
    integration = _find_integration(request, service_id)
    return _show_once(actions.rotate_secret(actor=request.user, integration=integration))


@require_POST
@org_admin
@reauthenticated
def disconnect(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Remove the integration."""
    integration = _find_integration(request, service_id)
    actions.disconnect_repository(actor=request.user, integration=integration)
    messages.success(request, f"{integration.repository} is disconnected.")
    return redirect("services:detail", service_id)


@require_POST
@org_admin
def replay(request: OrgRequest, service_id: UUID, effect_id: int) -> HttpResponse:
    """Do again what a stored delivery said."""
    integration = _find_integration(request, service_id)
    effect = get_object_or_404(WebhookEffect.objects.for_org(request.org), integration=integration, pk=effect_id)
    try:
        done = actions.replay_delivery(actor=request.user, effect=effect)
    except actions.NothingToReplayError:
        messages.error(request, "Nothing of this delivery was kept that could be replayed.")
    else:
        tell = messages.success if done.result == WebhookEffect.Result.APPLIED else messages.warning
        tell(request, f"Replayed. {done.reason}")
    return redirect(reverse("deployments:integration", args=[service_id]) + "#deliveries")


def _find_service(request: OrgRequest, service_id: UUID) -> Service:
    return get_object_or_404(services_of(request.org), pk=service_id)


def _find_integration(request: OrgRequest, service_id: UUID) -> GitHubIntegration:
    rows = GitHubIntegration.objects.for_org(request.org).select_related("service")
    return get_object_or_404(rows, service=service_id)


def _show_once(integration: GitHubIntegration) -> HttpResponse:
    return redirect_to_show(
        reverse("deployments:integration", args=[integration.service_id]),
        cookie=PASS_COOKIE,
        value=signing.dumps([str(integration.pk), integration.secret_version], salt=_SALT),
        seconds=PASS_SECONDS,
    )


def _has_pass(request: HttpRequest, integration: GitHubIntegration) -> bool:
    try:
        shown = signing.loads(request.COOKIES.get(PASS_COOKIE, ""), salt=_SALT, max_age=PASS_SECONDS)
    except signing.BadSignature:
        return False
    return bool(shown == [str(integration.pk), integration.secret_version])

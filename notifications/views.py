"""Settings: notifications. Channels with their health, and the outbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.quotas import QuotaError
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_admin
from notifications import actions, queries
from notifications.channels import CHANNEL_TYPES
from notifications.channels.base import ConfigError
from notifications.models import Channel, Job
from pulseops.core.routes import address
from pulseops.core.web.one_time_cookie import redirect_to_show

_SECRET_COOKIE, _SECRET_SECONDS = "channel_secret", 60
_TABS = (("", "All"), ("waiting", "Waiting"), ("failed", "Failed"), ("sent", "Sent"))


@require_safe
@org_admin
def channel_list(request: OrgRequest) -> HttpResponse:
    """Show the channels and the outbox; htmx asks for both alone while something is on its way."""
    values = {**_outbox(request), "channels": queries.channels(request.org)}
    page = "notifications/_channels.html" if request.headers.get("HX-Request") else "notifications/channels.html"
    return render(request, page, values)


def _outbox(request: OrgRequest) -> dict[str, Any]:
    before = request.GET.get("before", "")
    page = queries.outbox(request.org, request.GET.get("state", ""), before)
    counts = {"waiting": page.waiting, "failed": page.failed}
    tabs = [
        {"label": label, "url": _address(state), "is_current": state == page.state, "count": counts.get(state, "")}
        for state, label in _TABS
    ]
    return {
        "outbox": page,
        "tabs": tabs,
        "refresh_url": _address(page.state, before),
        "newer_url": _address(page.state) if before else "",
        "older_url": _address(page.state, page.page.older) if page.page.older else "",
    }


def _address(state: str, before: str = "") -> str:
    query = urlencode({name: value for name, value in (("state", state), ("before", before)) if value})
    return f"{reverse('notifications:channels')}{'?' if query else ''}{query}"


@require_http_methods(["GET", "POST"])
@org_admin
@reauthenticated
def channel_create(request: OrgRequest) -> HttpResponse:
    """Offer the kinds of channels, or add one of the kind that `type` names."""
    name = request.POST.get("type") or request.GET.get("type", "")
    kind = CHANNEL_TYPES.get(name)
    if kind is None or kind.problem():
        values = {"kinds": CHANNEL_TYPES.values(), "unknown": name}
        return render(request, "notifications/channel_kinds.html", values, status=422 if name else 200)
    form = kind.form_class(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = {"type": kind.type, "name": form.cleaned_data["name"], "config": form.config() or {}}
        try:
            channel = actions.create_channel(actor=request.user, org=request.org, **given)
        except (QuotaError, ConfigError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{channel} was added. Send a test to see that it works.")
            return _show_secret(request, channel) if kind.has_secret else redirect("notifications:channels")
    page = {"form": form, "kind": kind}
    return render(request, "notifications/channel_form.html", page, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@org_admin
@reauthenticated
def channel_edit(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Rename a channel or let its messages go elsewhere."""
    channel = _channel(request, channel_id)
    form = channel.kind.form_class(request.POST or None, config=channel.config_json, initial={"name": channel.name})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            actions.change_channel(actor=request.user, channel=channel, name=name, config=form.config())
        except ConfigError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{name} was saved.")
            return redirect("notifications:channels")
    secret = request.COOKIES.get(_SECRET_COOKIE, "") if request.method == "GET" else ""
    page = {"form": form, "channel": channel, "kind": channel.kind, "secret": secret, **_deliveries(request, channel)}
    page["interactivity_url"] = f"{settings.PUBLIC_URL}{address('incidents:slack', channel.pk)}"
    if channel.kind.inbound:
        page["service_url"] = f"{settings.PUBLIC_URL}{address('incidents:service_webhook', channel.pk)}"
        page["service"] = channel.kind.inbound.service(channel.config_json)
        page["received"] = queries.received_by(channel)
    response = render(request, "notifications/channel_form.html", page, status=422 if form.errors else 200)
    if secret:
        response.delete_cookie(_SECRET_COOKIE, path=request.path, samesite="Strict")
    return response


def _deliveries(request: OrgRequest, channel: Channel) -> dict[str, Any]:
    before = request.GET.get("before", "")
    found = queries.deliveries_of(channel, before)
    older = f"?{urlencode({'before': found.older})}#deliveries" if found.older else ""
    return {"attempts": found.rows, "older_url": older, "newer_url": f"{request.path}#deliveries" if before else ""}


@require_POST
@org_admin
def message_replay(request: OrgRequest, channel_id: UUID, message_id: UUID) -> HttpResponse:
    """Send a message once more."""
    channel = _channel(request, channel_id)
    if actions.replay_message(actor=request.user, channel=channel, message_id=message_id):
        messages.success(request, "The message is on its way once more.")
    else:
        messages.error(request, "This message is no longer kept, or its channel is off.")
    return redirect("notifications:edit", channel.pk)


@require_POST
@org_admin
@reauthenticated
def channel_secret(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Give a channel a new secret and show it once."""
    channel = _channel(request, channel_id)
    if not channel.kind.has_secret:
        raise Http404
    return _show_secret(request, channel)


def _show_secret(request: OrgRequest, channel: Channel) -> HttpResponse:
    secret = actions.rotate_secret(actor=request.user, channel=channel)
    page = reverse("notifications:edit", args=[channel.pk])
    return redirect_to_show(page, cookie=_SECRET_COOKIE, value=secret, seconds=_SECRET_SECONDS)


@require_POST
@org_admin
def channel_test(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Send a test the way that every message goes."""
    channel = _channel(request, channel_id)
    if channel.enabled:
        actions.send_test(actor=request.user, channel=channel)
        messages.success(request, f"A test for {channel} is on its way; see the outbox below for the result.")
    else:
        messages.error(request, f"{channel} is off. Switch it on to send a test.")
    return redirect("notifications:channels")


@require_POST
@org_admin
@reauthenticated
def channel_switch(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Switch a channel on or off."""
    channel = _channel(request, channel_id)
    enabled = request.POST.get("enabled") == "true"
    actions.switch_channel(actor=request.user, channel=channel, enabled=enabled)
    messages.success(request, f"{channel} is {'on' if enabled else 'off'}.")
    return redirect("notifications:channels")


@require_POST
@org_admin
@reauthenticated
def channel_delete(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Remove a channel."""
    channel = _channel(request, channel_id)
    actions.delete_channel(actor=request.user, channel=channel)
    messages.success(request, f"{channel} was deleted.")
    return redirect("notifications:channels")


@require_POST
@org_admin
def job_retry(request: OrgRequest, job_id: UUID) -> HttpResponse:
    """Let a failed message start anew."""
    job = get_object_or_404(Job.objects.for_org(request.org), pk=job_id)
    if actions.retry_job(actor=request.user, job=job):
        messages.success(request, "The message is on its way again.")
    else:
        messages.error(request, "This message cannot be sent: it has not failed, or its channel is off or deleted.")
    return redirect("notifications:channels")


@require_POST
@org_admin
def job_drop(request: OrgRequest, job_id: UUID) -> HttpResponse:
    """Delete a message that has not been sent."""
    get_object_or_404(Job.objects.for_org(request.org), pk=job_id)
    if actions.drop_job(actor=request.user, org=request.org, job_id=job_id):
        messages.success(request, "The message was discarded.")
    else:
        messages.error(request, "The message was sent or is being sent.")
    return redirect("notifications:channels")


def _channel(request: OrgRequest, channel_id: UUID) -> Channel:
    return get_object_or_404(Channel.objects.for_org(request.org).select_related("org"), pk=channel_id)

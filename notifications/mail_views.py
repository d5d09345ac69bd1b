"""The pages behind the links in mails: agree to get a channel's, or leave it. A GET changes nothing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.tenancy import public
from notifications import actions
from notifications.addresses import read_confirmation, read_leaving
from notifications.channels.recipients import addresses
from notifications.models import Channel


class LeaveForm(forms.Form):
    """Whose mail is to end."""

    address = forms.EmailField(label="Your address", max_length=254)


@public
@require_http_methods(["GET", "POST"])
@never_cache
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask the owner of an address whether they want a channel's mail, and note that they do."""
    try:
        channel_id, address = read_confirmation(token)
    except signing.BadSignature:
        return _dead_end(request)
    channel = _channel(channel_id)
    if channel is None or address not in addresses(channel.config_json):
        return _dead_end(request)
    is_done = request.method == "POST" and actions.confirm_address(channel_id=channel_id, address=address) is not None
    return render(
        request, "notifications/mail_confirm.html", {"channel": channel, "address": address, "is_done": is_done}
    )


@public
@require_http_methods(["GET", "POST"])
@never_cache
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Let an address end a channel's mail to it. The answer is the same whether it got any."""
    try:
        channel = _channel(read_leaving(token))
    except signing.BadSignature:
        channel = None
    if channel is None:
        return _dead_end(request)
    form = LeaveForm(request.POST or None)
    context: dict[str, Any] = {"channel": channel, "form": form}
    if request.method == "POST" and form.is_valid():
        actions.leave_channel(channel_id=str(channel.pk), address=form.cleaned_data["address"])
        context["is_done"] = True
    return render(request, "notifications/mail_leave.html", context, status=422 if form.errors else 200)


def _channel(channel_id: str) -> Channel | None:
    """Return the channel of a link that we signed."""
    return Channel.objects.select_related("org").filter(pk=channel_id, type="email").first()


def _dead_end(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/mail_over.html", status=404)

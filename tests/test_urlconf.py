"""A walk over every route: nothing is open but a short list, and every other view names the role it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Role, User

# Every route that answers without a session, and why it may.
PUBLIC = {
    "health": "touches nothing",
    "ready": "says only whether it is ready",
    "metrics": "asks for METRICS_TOKEN, or for this machine's own loopback address",
    "landing": "says what this is",
    "styleguide": "made-up content, with DEBUG alone",
    "set_theme": "sets a cookie",
    "set_zone": "sets a cookie",
    "robots": "for crawlers",
    "favicon": "for browsers",
    "docs:bare": "leads to the documentation",
    "docs:image": "pictures of the documentation",
    "docs:index": "documentation, the same for everybody",
    "docs:page": "documentation, the same for everybody",
    "account_login": "signing in",
    "account_signup": "signing up",
    "account_logout": "signing out",
    "account_reset_password": "forgot the password",
    "account_reset_password_done": "forgot the password",
    "account_reset_password_from_key": "has the link of the mail",
    "account_reset_password_from_key_done": "has the link of the mail",
    "openid_connect_login": "signing in by a provider",
    "openid_connect_callback": "coming back from it",
    "mfa_authenticate": "second step of signing in",
    "mfa_login_webauthn": "signing in by a passkey",
    "accounts:invitation": "has the invitation's link",
    "accounts:confirm_address": "has the link of the mail",
    "notifications:confirm": "has the link of the mail",
    "notifications:leave": "has the link of the mail",
    "incidents:maintenance_api": "API key",
    "incidents:maintenance_api_end": "API key",
    "incidents:service_webhook": "signature or secret of the channel's service",
    "incidents:slack": "signature of the channel's Slack app",
    "incidents:reply": "has the link of the message",
    "logs:ingest": "API key",
    "logs:loki": "API key",
    "logs:loki_old": "API key",
    "logs:elastic": "API key",
    "logs:hec": "API key",
    "logs:hec_event": "API key",
    "logs:hec_event_1": "API key",
    "logs:hec_raw": "API key",
    "logs:hec_raw_1": "API key",
    "logs:datadog": "API key",
    "logs:datadog_old": "API key",
    "logs:datadog_key": "API key",
    "logs:datadog_validate": "API key",
    "logs:gelf": "API key",
    "logs:drain": "API key",
    "logs:drain_vercel": "API key",
    "logs:drain_heroku": "API key",
    "logs:firehose": "API key",
    "logs:journald": "API key",
    "logs:journald_bare": "API key",
    "logs:loki_ready": "a constant",
    "logs:loki_ready_below": "a constant",
    "logs:hec_health": "a constant",
    "logs:hec_health_1": "a constant",
    "logs:hec_ack": "a constant",
    "logs:otlp": "API key",
    "logs:otlp_below": "API key",
    "logs:otlp_traces": "says that traces are not kept",
    "logs:otlp_traces_below": "says that traces are not kept",
    "logs:otlp_metrics": "says that metrics are not kept",
    "logs:otlp_metrics_below": "says that metrics are not kept",
    "deployments:create": "API key",
    "deployments:webhook": "signature",
    "cron:evaluate": "cron secret",
    "cron:notifications": "cron secret",
    "cron:cleanup": "cron secret",
    "cron:rules_evaluate": "cron secret",
    "cron:notifications_process": "cron secret",
    "cron:logs_cleanup": "cron secret",
}


def routes(patterns: list[Any] | None = None, namespace: str = "") -> Iterator[tuple[str, Any, list[str]]]:
    """Give (qualified name, view, argument names) of every route but the Django admin's, which guards itself."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                yield from routes(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}", pattern.callback, list(pattern.pattern.converters)


def test_every_route_has_a_name_of_its_own() -> None:
    names = [name for name, *_ in routes()]
    assert sorted(names) == sorted(set(names))
    assert not [name for name in names if name.endswith("None")]


def test_only_listed_routes_are_public() -> None:
    public = {name for name, view, _ in routes() if not getattr(view, "login_required", True)}
    assert public - set(PUBLIC) == set()


def test_every_other_route_names_the_role_it_needs() -> None:
    about_oneself = ("accounts:", "account_", "mfa_", "docs:")
    unguarded = [
        name
        for name, view, _ in routes()
        if name not in PUBLIC
        and not name.startswith(about_oneself)
        and not isinstance(getattr(view, "required_role", None), Role)
    ]
    assert unguarded == []


@pytest.mark.django_db
def test_every_table_of_ours_is_in_the_django_admin() -> None:
    ours = {"core", "accounts", "services", "logs", "deployments", "notifications", "incidents", "alerts"}
    missing = [
        model._meta.label
        for model in apps.get_models()
        if model._meta.app_label in ours and model not in admin.site._registry
    ]
    assert missing == []


@pytest.mark.django_db
def test_every_admin_page_opens(client_for: Callable[[User], Client]) -> None:
    client = client_for(User.objects.create_superuser("root@example.com", "a long enough password"))
    for model in admin.site._registry:
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(address).status_code == 200, address
        assert client.get(address, {"q": "x"}).status_code == 200, f"{address}?q=x"

"""Another organisation's ids are 404 on every route that takes one, and viewers change nothing.

The walk takes its routes from the URLconf; one with an argument that `ids` does not know fails, so none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, Membership, Org, Role, Session, User
from alerts.models import AlertRule
from deployments.models import Deployment, GitHubIntegration, WebhookEffect
from incidents.models import EscalationPolicy, Incident, MaintenanceWindow
from logs.cursor import LogCursor
from logs.models import LogEntry, SavedView
from notifications.models import Channel, Job
from services.models import ApiKey, Environment
from tests.support.factories import make_service
from tests.test_urlconf import PUBLIC, routes

# Routes whose argument names something that belongs to no one: a file type, a docs page, the reader's own things.
NOT_A_ROW = {"form", "format", "name", "page", "uidb36", "key", "slug", "pk"}


@pytest.fixture
def ids(org: Org, admin: User) -> dict[str, Any]:
    """The id of one row of every kind in `org`, by the name that routes give the argument."""
    service = make_service(org, "shop")
    environment = Environment.objects.get(service=service, name="production")
    where = {"org": org, "service": service, "environment": environment}
    key = ApiKey.objects.create(**where, key_hash="h" * 64, last_four="hhhh")
    invitation = Invitation.objects.create(org=org, email="new@example.com", role=Role.VIEWER, token_hash="t" * 64)
    session = Session.objects.create(user=admin, session_token_hash="s" * 64, expires_at=timezone.now())
    incident = Incident.objects.create(**where, title="Trouble", severity="high", status="open", source="manual")
    rule = AlertRule.objects.create(org=org, name="Errors", type="error_count", severity="high")
    channel = Channel.objects.create(
        org=org, type="slack", config_json={"webhook_url": "https://hooks.slack.com/services/T/B/x"}
    )
    job = Job.objects.create(org=org, type="incident.created", payload_json={}, status="failed")
    deployment = Deployment.objects.create(**where, commit_sha="abc1234", status="success")
    integration = GitHubIntegration.objects.create(
        service=service, repo_owner="acme", repo_name="shop", webhook_secret_hash="w" * 64
    )
    effect = WebhookEffect.objects.create(
        integration=integration, delivery_id="d-1", event_type="push", payload_hash="p", result="ignored"
    )
    log = LogEntry.objects.create(**where, ts=timezone.now(), level="info", message="hello")
    view = SavedView.objects.create(org=org, owner=admin, name="Errors", is_shared=True)
    return {
        "view_id": view.pk,
        "address": LogCursor(log.ts, log.pk),
        "effect_id": effect.pk,
        "service_id": service.pk,
        "environment_id": environment.pk,
        "key_id": key.pk,
        "membership_id": Membership.objects.get(user=admin).pk,
        "invitation_id": invitation.pk,
        "session_id": session.pk,
        "incident_id": incident.pk,
        "rule_id": rule.pk,
        "channel_id": channel.pk,
        "message_id": uuid4(),
        "window_id": MaintenanceWindow.objects.create(org=org, service=service, ends_at=timezone.now()).pk,
        "policy_id": EscalationPolicy.objects.create(org=org, severity="high", after_minutes=5, repeats=1).pk,
        "job_id": job.pk,
        "deployment_id": deployment.pk,
        "provider_id": "none-of-this-name",
        "account_id": 1,
    }


def routes_with_rows() -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Give (name, view, argument names) of every route that names a row and asks for a session."""
    for name, view, arguments in routes():
        named = tuple(argument for argument in arguments if argument not in NOT_A_ROW)
        if named and name not in PUBLIC:
            yield name, view, named


WALK = sorted(routes_with_rows(), key=lambda route: route[0])


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "view", "arguments"), WALK, ids=[route[0] for route in WALK])
def test_outsider_finds_nothing(
    name: str,
    view: Any,
    arguments: tuple[str, ...],
    ids: dict[str, Any],
    outsider: User,
    client_for: Callable[[User], Client],
) -> None:
    address = reverse(name, kwargs={argument: ids[argument] for argument in arguments})
    client = client_for(outsider)
    answers = {client.get(address).status_code, client.post(address).status_code}
    assert answers <= {404, 405}
    assert 404 in answers


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "view", "arguments"), WALK, ids=[route[0] for route in WALK])
def test_signed_out_people_are_sent_to_sign_in(
    name: str, view: Any, arguments: tuple[str, ...], ids: dict[str, Any], client: Client
) -> None:
    address = reverse(name, kwargs={argument: ids[argument] for argument in arguments})
    response = client.get(address)
    assert response.status_code == 302
    assert response.headers["location"].startswith("/login")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "view", "arguments"),
    [route for route in WALK if getattr(route[1], "required_role", None) not in {None, Role.VIEWER}],
    ids=[route[0] for route in WALK if getattr(route[1], "required_role", None) not in {None, Role.VIEWER}],
)
def test_viewer_is_refused_what_needs_more(
    name: str,
    view: Any,
    arguments: tuple[str, ...],
    ids: dict[str, Any],
    viewer: User,
    client_for: Callable[[User], Client],
) -> None:
    address = reverse(name, kwargs={argument: ids[argument] for argument in arguments})
    client = client_for(viewer)
    answers = {client.get(address).status_code, client.post(address).status_code}
    assert answers <= {403, 405}
    assert 403 in answers

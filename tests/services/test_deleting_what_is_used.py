"""Environments and services go with everything that points at them, also where the schema names no ON DELETE."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Org
from alerts.models import AlertRule
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery
from incidents.models import Incident, Severity
from logs.models import LogEntry
from services.models import ApiKey, Environment, RateBucket, Service
from tests.support.factories import make_service

USERS = [ApiKey, RateBucket, LogEntry, Deployment, GitHubIntegration, WebhookDelivery, Incident, AlertRule]


def use(environment: Environment) -> None:
    """Make one row of everything that can point at `environment` or its service."""
    service = environment.service
    scope = {"org": service.org, "service": service, "environment": environment}
    key = ApiKey.objects.create(**scope, key_hash=uuid.uuid4().hex)
    RateBucket.objects.create(api_key=key, window_start=timezone.now(), count=1)
    LogEntry.objects.create(**scope, ts=timezone.now(), level="info", message="hello")
    Deployment.objects.create(**scope, commit_sha="f00", status=Deployment.Status.SUCCESS)
    Incident.objects.create(**scope, title="Down", severity=Severity.HIGH, status="open", source="manual")
    AlertRule.objects.create(**scope, name="Errors", type="error_count", severity=Severity.HIGH)


def connect_to_github(service: Service) -> None:
    integration = GitHubIntegration.objects.create(
        service=service, repo_owner="acme", repo_name="api", webhook_secret_hash="hash"
    )
    WebhookDelivery.objects.create(delivery_id=str(uuid.uuid4()), integration=integration, event_type="push")


@pytest.fixture
def service(org: Org) -> Service:
    service = make_service(org, "api")
    for environment in service.environments.all():
        use(environment)
    connect_to_github(service)
    return service


def check_constraints() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_an_environment_takes_its_rows_along_and_leaves_the_others(service: Service) -> None:
    staging = service.environments.get(name="staging")
    Environment.objects.filter(pk=staging.pk).delete()
    check_constraints()
    for model in (ApiKey, RateBucket, LogEntry, Deployment, Incident, AlertRule):
        assert model._default_manager.count() == 1, model
    assert WebhookDelivery.objects.count() == 1


def test_a_service_takes_everything_along(service: Service) -> None:
    Service.objects.filter(pk=service.pk).delete()
    check_constraints()
    for model in USERS:
        assert model._default_manager.count() == 0, model


def test_an_organisation_takes_everything_along(service: Service, org: Org) -> None:
    Org.objects.filter(pk=org.pk).delete()
    check_constraints()
    for model in [Service, Environment, *USERS]:
        assert model._default_manager.count() == 0, model


def test_another_service_keeps_its_rows(service: Service, org: Org) -> None:
    other = make_service(org, "web", environments=("production",))
    use(other.environments.get())
    connect_to_github(other)
    Service.objects.filter(pk=service.pk).delete()
    for model in USERS:
        assert model._default_manager.count() == 1, model

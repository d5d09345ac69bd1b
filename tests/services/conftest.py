"""One service with its environments, and a key of its production."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Org, User
from services import actions, key_actions
from services.models import ApiKey, Environment, Service

SignedIn = Callable[[User], Client]


@pytest.fixture
def service(org: Org, admin: User) -> Service:
    return actions.create_service(actor=admin, org=org, name="api", description="The API", retention_days=30)


@pytest.fixture
def production(service: Service) -> Environment:
    return service.environments.get(name="production")


@pytest.fixture
def key(production: Environment, admin: User) -> ApiKey:
    return key_actions.create_key(actor=admin, environment=production, label="web servers", rate_per_minute=500).key

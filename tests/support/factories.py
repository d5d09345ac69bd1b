"""Plain functions that make rows for tests."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone

from accounts.models import Membership, Org, Role, User
from logs.models import Level, LogCount, LogEntry
from services import keys
from services.models import ApiKey, Environment, Service

PASSWORD = "correct horse battery"
_number = itertools.count(1)


def make_user(email: str = "", *, name: str = "", password: str = PASSWORD, **fields: Any) -> User:
    return User.objects.create_user(email or f"user{next(_number)}@example.com", password, name=name or None, **fields)


def make_org(name: str = "", *, admin: User | None = None) -> Org:
    org = Org.objects.create(name=name or f"Org {next(_number)}")
    if admin:
        make_member(org, Role.ADMIN, user=admin)
    return org


def make_member(org: Org, role: Role, *, user: User | None = None) -> User:
    user = user or make_user(f"{role.value}{next(_number)}@example.com")
    Membership.objects.create(org=org, user=user, role=role)
    return user


def make_service(
    org: Org, name: str = "", *, environments: tuple[str, ...] = ("production", "staging"), **fields: Any
) -> Service:
    service = Service.objects.create(org=org, name=name or f"service-{next(_number)}", **fields)
    for environment in environments:
        Environment.objects.create(service=service, name=environment)
    return service


def make_key(environment: Environment, **fields: Any) -> str:
    """Make an API key for `environment`; returns what a client sends."""
    fresh = keys.make_key()
    ApiKey.objects.create(
        org=environment.service.org,
        service=environment.service,
        environment=environment,
        key_hash=fresh.key_hash,
        last_four=fresh.last_four,
        **fields,
    )
    return fresh.plain


def make_log(service: Service, message: str = "hello", *, environment: str = "production", **fields: Any) -> LogEntry:
    """Store one log and count it; `ts` is now unless given."""
    log = LogEntry.objects.create(
        org_id=service.org_id,
        service=service,
        environment=service.environments.get(name=environment),
        message=message,
        **{"ts": timezone.now(), "level": Level.INFO, **fields},
    )
    minute = log.ts.replace(second=0, microsecond=0)
    scope = {"org_id": log.org_id, "service_id": log.service_id, "environment_id": log.environment_id}
    LogCount.objects.create(**scope, minute=minute, level=log.level, count=1)
    return log

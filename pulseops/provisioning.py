"""Make what an installation script asks for, and only what is missing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.db import transaction

from accounts.actions.orgs import create_org
from accounts.actions.users import new_user
from accounts.models import Membership, Org, Role, User
from accounts.queries import user_by_email
from pulseops.core.db.advisory_locks import transaction_lock
from services.actions import add_environment, create_key, create_service
from services.models import Environment, Service


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What `provision` found or made; `password` is None for a person who was there before."""

    org: Org
    user: User
    service: Service
    environment: Environment
    api_key: str = field(repr=False)
    password: str | None = field(repr=False)


@transaction.atomic
def provision(*, org_name: str, email: str, service_name: str, environment_name: str, key_label: str) -> Provisioned:
    """Make the person, the organisation with them as admin, the service and the environment where absent, and a key.

    Two at once wait for each other, so nothing is made twice; only the key is new each time.
    """
    transaction_lock("provision")
    user, password = _person(email)
    org = _org(org_name, user)
    service = Service.objects.for_org(org).filter(name=service_name).first()
    service = service or create_service(actor=user, org=org, name=service_name)
    environment = service.environments.filter(name=environment_name).first()
    environment = environment or add_environment(actor=user, service=service, name=environment_name)
    issued = create_key(actor=user, environment=environment, label=key_label)
    return Provisioned(org, user, service, environment, issued.plain, password)


def _person(email: str) -> tuple[User, str | None]:
    user = user_by_email(email)
    if user:
        return user, None
    password = secrets.token_urlsafe(15)
    user = new_user(name="", email=email, password=password)
    user.save(force_insert=True)
    return user, password


def _org(name: str, user: User) -> Org:
    """Return the organisation of this name: one of the user's, else the oldest (joined as admin), else a new one."""
    named = Org.objects.filter(name=name).order_by("created_at", "id")
    org = named.filter(memberships__user=user).first() or named.first()
    if org is None:
        return create_org(actor=user, name=name)
    Membership.objects.get_or_create(org=org, user=user, defaults={"role": Role.ADMIN})
    return org

"""Make what an installation script asks for, and only what is missing.

Anyone may sign up under any name, so a name alone finds nothing here: an organisation is one in which the person is an
admin already, or the one whose id the operator gives, or a new one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from accounts.actions.members import ensure_admin
from accounts.actions.orgs import create_org
from accounts.actions.users import new_user
from accounts.models import Org, Role, User
from accounts.queries import live_orgs, user_by_email
from pulseops.core.db.advisory_locks import transaction_lock
from services.actions import add_environment, create_service
from services.key_actions import create_key
from services.models import Environment, Service
from services.queries import services_of


class UnknownOrgError(Exception):
    """There is no organisation with the id that was given."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What `provision` found or made; `password` is None for a person who was there before."""

    org: Org
    is_new_org: bool
    user: User
    service: Service
    environment: Environment
    api_key: str = field(repr=False)
    password: str | None = field(repr=False)


@transaction.atomic
def provision(*, org: str | UUID, email: str, service_name: str, environment_name: str, key_label: str) -> Provisioned:
    """Make the person, the organisation with them as admin, the service and the environment where absent, and a key.

    `org` is the organisation's name, or the id of one that the person shall join as an admin; an id that nothing has
    raises UnknownOrgError. Two at once wait for each other, so nothing is made twice; only the key is new each time.
    """
    transaction_lock("provision")
    user, password = _person(email)
    theirs = _joined(org, user) if isinstance(org, UUID) else _administered(org, user)
    result = theirs or create_org(actor=user, name=str(org))
    service = services_of(result).filter(name=service_name).first()
    service = service or create_service(actor=user, org=result, name=service_name)
    environment = service.environments.filter(name=environment_name).first()
    environment = environment or add_environment(actor=user, service=service, name=environment_name)
    issued = create_key(actor=user, environment=environment, label=key_label)
    return Provisioned(result, theirs is None, user, service, environment, issued.plain, password)


def _person(email: str) -> tuple[User, str | None]:
    user = user_by_email(email)
    if user:
        return user, None
    password = secrets.token_urlsafe(15)
    user = new_user(name="", email=email, password=password)
    user.save(force_insert=True)
    return user, password


def _administered(name: str, user: User) -> Org | None:
    """Return the oldest organisation of this name in which `user` is an admin."""
    theirs = live_orgs().filter(name=name, memberships__user=user, memberships__role=Role.ADMIN)
    return theirs.first()


def _joined(org_id: UUID, user: User) -> Org:
    """Return the organisation with this id, of which `user` is an admin from now on."""
    org = live_orgs().filter(pk=org_id).first()
    if org is None:
        raise UnknownOrgError(f"There is no organisation {org_id}.")
    ensure_admin(org=org, user=user)
    return org

"""The demo organisation: who signs in to it, and the story that each app tells in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

import alerts.demo
import deployments.demo
import incidents.demo
import logs.demo
import notifications.demo
from accounts.actions.orgs import create_org
from accounts.models import Membership, Org, Role, User
from accounts.queries import user_by_email
from logs.demo import DEMO_SERVICES
from pulseops.core.secrets import stored_secret
from services.actions import create_key, create_service
from services.models import ApiKey, Environment, Service

DEMO_EMAIL = "demo@pulseops.example"
DEMO_ORG = "Brightside Shop"
_COLLEAGUES = {
    "dana@pulseops.example": ("Dana Okafor", Role.DEVELOPER),
    "vik@pulseops.example": ("Vik Larsen", Role.VIEWER),
}
_PASSWORD = "DEMO_PASSWORD"  # noqa: S105  # the name of the file, not the password
_PASSWORD_LENGTH = 16  # hex digits: 64 random bits, and still to be typed


@dataclass(frozen=True, slots=True)
class Filled:
    """What a run of `manage.py demo` made."""

    org: Org
    logs: int
    deployments: int
    incidents: int


def demo_password() -> str | None:
    """Return the demo account's password, made at random on this machine; None where there is no demo."""
    path = settings.DATA_DIR / "secrets" / _PASSWORD
    return _password() if path.exists() else None


def _password() -> str:
    return stored_secret(settings.DATA_DIR, _PASSWORD)[:_PASSWORD_LENGTH]


@transaction.atomic
def fill_demo(now: datetime, *, org_name: str = DEMO_ORG) -> Filled:
    """Make the demo's person, colleagues and organisation where absent, and fill it with the 48 hours before `now`.

    Services that exist keep what they have; their story is added to it.
    """
    admin = _person(DEMO_EMAIL, "Demo Admin")
    admin.set_password(_password())
    admin.save(update_fields=["password"])
    org = _org(org_name, admin)
    _services(org, admin)
    deployed = deployments.demo.fill(org, Service.objects.for_org(org), now)
    stored = logs.demo.fill(org, now)
    notifications.demo.fill(org)
    opened = alerts.demo.fill(org, now) + incidents.demo.fill(org, now)
    ApiKey.objects.for_org(org).update(last_used_at=now)
    return Filled(org, logs=stored, deployments=deployed, incidents=opened)


def _person(email: str, name: str) -> User:
    return user_by_email(email) or User.objects.create_user(email, None, name=name)


def _org(name: str, admin: User) -> Org:
    org = Org.objects.filter(name=name, memberships__user=admin).first() or create_org(actor=admin, name=name)
    for email, (person, role) in _COLLEAGUES.items():
        Membership.objects.get_or_create(org=org, user=_person(email, person), defaults={"role": role})
    return org


def _services(org: Org, admin: User) -> None:
    for name, description in DEMO_SERVICES.items():
        if Service.objects.for_org(org).filter(name=name).exists():
            continue
        service = create_service(actor=admin, org=org, name=name, description=description, retention_days=30)
        for environment in Environment.objects.filter(service=service):
            create_key(actor=admin, environment=environment, label="log shipper")

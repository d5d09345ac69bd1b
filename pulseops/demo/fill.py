"""The demo organisation: who signs in to it, the story that each app tells in it, and who goes on with it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.invitations import invite
from accounts.actions.orgs import create_org
from accounts.models import Invitation, Membership, Org, Role, User
from accounts.queries import user_by_email
from pulseops.core.config.secrets import stored_secret
from pulseops.demo import alerts, deployments, incidents, logs, notifications
from pulseops.demo.story import DEMO_SERVICES, SPAN
from services.actions import create_key, create_service
from services.keys import FreshKey, as_key
from services.models import ApiKey, Environment, Service

DEMO_EMAIL = "demo@pulseops.example"
DEMO_ORG = "Brightside Shop"
COLLEAGUES = {
    "dana@pulseops.example": ("Dana Okafor", Role.DEVELOPER),
    "vik@pulseops.example": ("Vik Larsen", Role.VIEWER),
}
_INVITED = ("noor@pulseops.example", Role.DEVELOPER)
_PASSWORD = "DEMO_PASSWORD"  # noqa: S105  # the name of the file, not the password
_PASSWORD_LENGTH = 16  # hex digits: 64 random bits, and still to be typed
_KEYS = "DEMO_KEYS"  # the file with the secret that the demo's API keys are made from


@dataclass(frozen=True, slots=True)
class Filled:
    """What a run of `manage.py demo` made."""

    org: Org
    logs: int
    deployments: int
    incidents: int


def demo_password() -> str | None:
    """Return the password of the demo's three accounts, made at random on this machine; None where there is no demo."""
    path = settings.DATA_DIR / "secrets" / _PASSWORD
    return _password() if path.exists() else None


def _password() -> str:
    return stored_secret(settings.DATA_DIR, _PASSWORD)[:_PASSWORD_LENGTH]


def demo_org(name: str = DEMO_ORG) -> Org | None:
    """Return the organisation that `fill_demo` made, None where there is none."""
    return Org.objects.filter(name=name, memberships__user__email=DEMO_EMAIL).first()


@transaction.atomic
def fill_demo(now: datetime, *, org_name: str = DEMO_ORG) -> Filled:
    """Make the demo's people and organisation where absent, and fill it with the 48 hours before `now`.

    Services that exist keep what they have; their story is added to it.
    """
    began = timezone.now()
    admin = _person(DEMO_EMAIL, "Demo Admin")
    org = _org(org_name, admin)
    _services(org, admin)
    deployed = deployments.fill(org, Service.objects.for_org(org), now)
    stored = logs.fill(org, now)
    notifications.fill(org, now - SPAN)
    opened = alerts.fill(org, now, on_open=incidents.take_up) + incidents.fill(org, now)
    notifications.deliver(org, began)
    ApiKey.objects.for_org(org).update(last_used_at=now)
    return Filled(org, logs=stored, deployments=deployed, incidents=opened)


def _person(email: str, name: str) -> User:
    person = user_by_email(email) or User.objects.create_user(email, None, name=name)
    person.set_password(_password())
    person.save(update_fields=["password"])
    return person


def _org(name: str, admin: User) -> Org:
    org = demo_org(name) or create_org(actor=admin, name=name)
    for email, (person, role) in COLLEAGUES.items():
        Membership.objects.get_or_create(org=org, user=_person(email, person), defaults={"role": role})
    email, role = _INVITED
    if not Invitation.objects.for_org(org).exists():
        invite(actor=admin, org=org, email=email, role=role)
    return org


def _services(org: Org, admin: User) -> None:
    for name, description in DEMO_SERVICES.items():
        if not Service.objects.for_org(org).filter(name=name).exists():
            create_service(actor=admin, org=org, name=name, description=description, retention_days=30)
    demo_keys(org)


def demo_keys(org: Org) -> dict[tuple[str, str], str]:
    """Return an API key for each environment of the demo's services, by the names of both, making those that are not
    there. Each is known again by a secret of this machine, for the database holds only its hash. One that was revoked
    stays revoked.
    """
    places = Environment.objects.for_org(org).filter(service__name__in=DEMO_SERVICES).select_related("service__org")
    made = {place: _key(place) for place in places}
    there = set(
        ApiKey.objects.filter(key_hash__in=[each.key_hash for each in made.values()]).values_list("key_hash", flat=True)
    )
    for place, fresh in made.items():
        if fresh.key_hash not in there:
            create_key(actor=place.service.created_by, environment=place, label="log shipper", fresh=fresh)
    return {(place.service.name, place.name): fresh.plain for place, fresh in made.items()}


def _key(environment: Environment) -> FreshKey:
    secret = stored_secret(settings.DATA_DIR, _KEYS)
    return as_key(hmac.new(secret.encode(), str(environment.pk).encode(), hashlib.sha256).hexdigest())

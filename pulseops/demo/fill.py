"""The demo organisation: who signs in to it, the story that each app tells in it, and who goes on with it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.actions.invitations import invite
from accounts.actions.orgs import create_org
from accounts.models import Invitation, Membership, Org, Role, User
from accounts.queries import is_member, user_by_email
from pulseops.core.config.secrets import stored_secret
from pulseops.demo import alerts, deployments, incidents, logs, notifications
from pulseops.demo.story import DEMO_SERVICES, SPAN
from services.actions import create_service
from services.key_actions import create_key
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


class AddressTakenError(Exception):
    """An address of the demo belongs to an account that is not the demo's."""


def sign_ins() -> list[str]:
    """Return what a terminal says of the demo's accounts; nothing where this machine has no demo."""
    if not (password := demo_password()):
        return []
    colleagues = [f"            {email}, a {role}, has the same password" for email, (_, role) in COLLEAGUES.items()]
    return [f"  Demo      {DEMO_EMAIL}  {password}", *colleagues]


def plan_demo(name: str = DEMO_ORG) -> None:
    """Write down on this machine that the demo is to be filled, by the next `manage.py demo --live`."""
    _due_file(name).touch()


def forget_plan(name: str = DEMO_ORG) -> None:
    """Take back what `plan_demo` wrote down: it is done, or cannot be done."""
    _due_file(name).unlink(missing_ok=True)


def is_planned(name: str = DEMO_ORG) -> bool:
    """Return whether the demo is to be filled; where that was interrupted nothing of it is there."""
    return settings.DEMO and _due_file(name).exists()


def _due_file(name: str) -> Path:
    return demo_file(name, "planned")


def demo_file(name: str, suffix: str) -> Path:
    """Return the path of a file that this machine keeps about the demo organisation `name`."""
    return settings.DATA_DIR / f"demo-{hashlib.sha256(name.encode()).hexdigest()[:16]}.{suffix}"


def demo_org(name: str = DEMO_ORG) -> Org | None:
    """Return the organisation that `fill_demo` made under this name on this machine, None where there is none.

    By the id that it wrote down, for anyone may call an organisation so. One made before ids were written down is
    known by its API keys, which only this machine's secret makes.
    """
    live, file = Org.objects.filter(deleted_at=None), demo_file(name, "id")
    stored = live.filter(pk=UUID(file.read_text().strip())).first() if file.exists() else None
    return stored or next((org for org in live.filter(name=name) if _has_our_keys(org)), None)


def remember_demo(org: Org) -> None:
    """Write down on this machine that `org` is the demo organisation of its name."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    demo_file(org.name, "id").write_text(f"{org.pk}\n")


def _has_our_keys(org: Org) -> bool:
    if not (settings.DATA_DIR / "secrets" / _KEYS).exists():
        return False
    hashes = [_key(place).key_hash for place in Environment.objects.for_org(org).select_related("service")[:100]]
    return ApiKey.objects.for_org(org).filter(key_hash__in=hashes).exists()


@transaction.atomic
def fill_demo(now: datetime, *, org_name: str = DEMO_ORG, span: timedelta = SPAN) -> Filled:
    """Make the demo's people and organisation where absent, and fill it with the 48 hours before `now`.

    Its logs are those of the `span` before `now`; the bad deployment needs more than three hours.

    Services that exist keep what they have; their story is added to it.
    """
    began = timezone.now()
    org, admin = _org(org_name, demo_org(org_name))
    transaction.on_commit(lambda: remember_demo(org))
    _services(org, admin)
    deployed = deployments.fill(org, Service.objects.for_org(org), now)
    stored = logs.fill(org, now, span)
    notifications.fill(org, now - SPAN)
    opened = alerts.fill(org, now, on_open=incidents.acknowledge) + incidents.fill(org, now)
    notifications.deliver(org, began)
    ApiKey.objects.for_org(org).update(last_used_at=now)
    return Filled(org, logs=stored, deployments=deployed, incidents=opened)


def _person(email: str, name: str, org: Org | None) -> User:
    """Return the demo's person, with its password: a new one, one that is in its organisation, or one that has it."""
    person = user_by_email(email)
    if person is None:
        return User.objects.create(email=email, password=_hashed(_password()), name=name, is_demo=True)
    if person.check_password(_password()):
        return person
    if org is None or not is_member(org, person):
        raise AddressTakenError(f"{email} has an account that the demo of this machine did not make.")
    person.set_password(_password())
    person.save(update_fields=["password"])
    return person


@cache
def _hashed(password: str) -> str:
    """Hash the demo's password once: a quarter of a second for each of its people else."""
    return make_password(password)


def _org(name: str, org: Org | None) -> tuple[Org, User]:
    admin = _person(DEMO_EMAIL, "Demo Admin", org)
    colleagues = [(_person(email, person, org), role) for email, (person, role) in COLLEAGUES.items()]
    org = org or create_org(actor=admin, name=name)
    for person, role in colleagues:
        Membership.objects.get_or_create(org=org, user=person, defaults={"role": role})
    email, role = _INVITED
    if not Invitation.objects.for_org(org).exists():
        invite(actor=admin, org=org, email=email, role=role)
    return org, admin


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

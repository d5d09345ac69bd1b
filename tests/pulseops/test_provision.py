from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditLog, Membership, Org, User
from services.keys import hash_key
from services.models import ApiKey, Environment, Service
from tests.support.factories import make_org, make_user

ASKED = {"org": "Acme", "email": "ann@example.com", "service": "api", "environment": "production"}


def run(**changes: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("provision", stdout=out, **{**ASKED, **changes})
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    found: dict[str, Any] = json.loads(lines[0])
    return found


@pytest.mark.django_db
def test_everything_is_made_from_nothing() -> None:
    made = run()
    assert set(made) == {"org_id", "service_id", "environment_id", "api_key", "email", "password"}
    user = User.objects.get(email="ann@example.com")
    assert user.check_password(made["password"])
    assert Membership.objects.get(user=user).role == "admin"
    key = ApiKey.objects.get(key_hash=hash_key(made["api_key"]))
    assert str(key.environment_id) == made["environment_id"]
    assert AuditLog.objects.for_org(Org.objects.get()).filter(action="api_key.created").exists()


@pytest.mark.django_db
def test_again_makes_only_a_new_key() -> None:
    first, second = run(), run()
    assert "password" not in second
    assert first.pop("api_key") != second["api_key"]
    assert first.items() - {("password", first["password"])} <= second.items()
    assert (Org.objects.count(), User.objects.count(), Service.objects.count()) == (1, 1, 1)
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db
def test_missing_environment_is_added_to_an_existing_service() -> None:
    run()
    run(environment="canary")
    assert set(Environment.objects.values_list("name", flat=True)) == {"production", "staging", "canary"}


@pytest.mark.django_db
def test_existing_person_becomes_admin_of_an_existing_organisation() -> None:
    org, user = make_org("Acme"), make_user("Ann@Example.com")
    made = run()
    assert made["org_id"] == str(org.pk)
    assert made["email"] == "Ann@example.com"
    assert Membership.objects.get(user=user, org=org).role == "admin"


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"email": "nobody"}, {"service": "  "}, {"org": ""}])
def test_bad_input_makes_nothing(wrong: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        run(**wrong)
    assert not Org.objects.exists()
    assert not User.objects.exists()

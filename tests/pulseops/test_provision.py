from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditLog, Membership, Org, Role, User
from services.keys import hash_key
from services.models import ApiKey, Environment, Service
from tests.support.factories import make_member, make_org, make_user

ASKED = {"org": "Acme", "email": "ann@example.com", "service": "api", "environment": "production"}


def run(**changes: str) -> dict[str, Any]:
    out = io.StringIO()
    asked = {**ASKED, **changes}
    call_command("provision", *(f"--{name.replace('_', '-')}={value}" for name, value in asked.items()), stdout=out)
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
def test_a_strangers_organisation_of_that_name_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    stranger = make_user("stranger@example.org")
    theirs = make_org("Acme", admin=stranger)
    made = run()
    assert made["org_id"] != str(theirs.pk)
    assert list(Membership.objects.for_org(theirs).values_list("user__email", flat=True)) == ["stranger@example.org"]
    told = capsys.readouterr().err
    assert f"Acme ({made['org_id']}), new. Its admins: ann@example.com." in told
    assert "stranger" not in told


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
def test_an_organisation_in_which_the_person_is_not_an_admin_is_left_alone(role: Role) -> None:
    theirs = make_org("Acme", admin=make_user("stranger@example.org"))
    ann = make_member(theirs, role, user=make_user("ann@example.com"))
    assert run()["org_id"] != str(theirs.pk)
    assert Membership.objects.get(org=theirs, user=ann).role == role


@pytest.mark.django_db
def test_an_organisation_is_joined_by_its_id_alone(capsys: pytest.CaptureFixture[str]) -> None:
    org = make_org("Acme", admin=make_user("boss@example.com"))
    user = make_user("Ann@Example.com")
    made = run(org="", org_id=str(org.pk))
    assert made["org_id"] == str(org.pk)
    assert made["email"] == "Ann@example.com"
    assert Membership.objects.get(user=user, org=org).role == "admin"
    told = capsys.readouterr().err
    assert "Its admins: boss@example.com, Ann@example.com." in told
    assert "Ann@example.com has had an account since" in told


@pytest.mark.django_db
def test_an_id_that_nothing_has_makes_nothing() -> None:
    with pytest.raises(CommandError, match="no organisation"):
        run(org_id="00000000-0000-4000-8000-000000000000")
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"email": "nobody"}, {"service": "  "}, {"org": ""}])
def test_bad_input_makes_nothing(wrong: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        run(**wrong)
    assert not Org.objects.exists()
    assert not User.objects.exists()

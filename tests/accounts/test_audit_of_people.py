"""What befalls an account stands in the log of every organisation that its owner is in; what superusers do, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.actions.members import remove_member
from accounts.audit.descriptions import phrase
from accounts.models import AuditLog, Membership, Org, Role, User
from accounts.tasks import trim_audit_log
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_member, make_org, make_service, make_user
from tests.support.sign_in import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root@example.org", PASSWORD)


@pytest.fixture
def person() -> User:
    """Someone who signed up alone first, and joined a company later."""
    person = make_user("ada@example.org", name="Ada")
    make_org("Her own", admin=person)
    make_member(make_org("The company"), Role.ADMIN, user=person)
    return person


def logged(action: str) -> dict[str, AuditLog]:
    """The rows of an action by the names of their organisations."""
    rows = AuditLog.objects.filter(action=action).select_related("org")
    return {row.org.name if row.org else "": row for row in rows}


BOTH = {"Her own", "The company"}


def test_what_people_do_to_their_account_is_in_every_log_of_theirs(person: User, working: Working) -> None:
    client = Client()
    client.post("/login", {"login": person.email, "password": PASSWORD})
    client.post("/account", {"name": "Countess"})
    client.post("/account/password", {"oldpassword": PASSWORD, "password1": "another good password"})
    Client().post("/login", {"login": person.email, "password": "another good password"})
    client.post("/account/sessions/end-others")
    client.post("/logout")
    actions = ("user.signed_in", "user.renamed", "user.password_changed", "session.others_ended", "user.signed_out")
    for action in actions:
        assert logged(action).keys() == BOTH, action
    assert not AuditLog.objects.filter(org=None).exists()


def test_a_failed_sign_in_is_in_every_log_and_says_from_where(person: User, working: Working) -> None:
    with working():
        client = Client(REMOTE_ADDR="192.0.2.7", headers={"user-agent": "Mozilla/5.0 Firefox/130.0"})
        client.post("/login", {"login": "ADA@example.org", "password": "wrong"})
        assert not AuditLog.objects.exists(), "nothing within the request, whose time would tell of the account"
    rows = logged("user.sign_in_failed")
    assert rows.keys() == BOTH
    row = rows["The company"]
    assert (row.actor_user, row.resource_id) == (None, str(person.pk))
    assert row.meta_json["email"] == "ada@example.org"
    assert row.meta_json["from_address"] == "192.0.2.7"
    assert phrase(row.action) == "saw a wrong password given for"


def test_failures_do_not_fill_the_logs_and_strangers_leave_nothing(person: User, working: Working) -> None:
    with working():
        for number in range(15):
            Client(REMOTE_ADDR=f"198.51.{number}.7").post("/login", {"login": person.email, "password": "wrong"})
            Client(REMOTE_ADDR=f"198.52.{number}.7").post("/login", {"login": "no@example.org", "password": "wrong"})
    assert AuditLog.objects.filter(org__name="The company").count() == 10
    assert AuditLog.objects.count() == 20


def test_the_user_is_notified_of_a_superusers_new_password(person: User, root: User, working: Working) -> None:
    data = {"usable_password": "true", "password1": "quite another password", "password2": "quite another password"}
    with working():
        response = signed_in(root).post(f"/admin/accounts/user/{person.pk}/password/", {**data, "set-password": "1"})
    assert response.status_code == 302
    rows = logged("user.password_set")
    assert rows.keys() == BOTH
    assert rows["The company"].actor_user == root
    assert rows["The company"].meta_json == {"email": person.email, "as": "superuser"}
    assert mail.outbox[-1].to == [person.email]
    assert "A superuser" in mail.outbox[-1].body
    assert "quite another" not in str(list(AuditLog.objects.values()))


def test_a_superusers_new_address_is_mailed_filed_and_not_proved(person: User, root: User, working: Working) -> None:
    members = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    with working():
        signed_in(root).post(
            f"/admin/accounts/user/{person.pk}/change/",
            {"email": "new@example.org", "name": "Ada", "is_active": "on", **members},
        )
    person.refresh_from_db()
    assert (person.email, person.email_verified_at) == ("new@example.org", None)
    assert logged("user.email_changed").keys() == BOTH
    assert mail.outbox[-1].to == ["ada@example.org"]
    changed = logged("admin.changed")["The company"]
    assert changed.meta_json["changes"] == {"email": ["ada@example.org", "new@example.org"]}
    assert changed.meta_json["as"] == "superuser"


def test_changed_roles_and_removed_members_say_who_and_from_what_to_what(root: User, working: Working) -> None:
    org = make_org("Acme")
    boss, dev, gone = (make_member(org, role) for role in (Role.ADMIN, Role.DEVELOPER, Role.VIEWER))
    data: dict[str, str] = {"name": "Acme", "memberships-TOTAL_FORMS": "3", "memberships-INITIAL_FORMS": "3"}
    roles = {boss: "viewer", dev: "admin", gone: "viewer"}
    members = list(Membership.objects.for_org(org).order_by("pk"))
    for number, member in enumerate(members):
        data |= {f"memberships-{number}-id": str(member.pk), f"memberships-{number}-role": roles[member.user]}
        data |= {f"memberships-{number}-org": str(org.pk)}
        if member.user == gone:
            data[f"memberships-{number}-DELETE"] = "on"
    response = signed_in(root).post(f"/admin/accounts/org/{org.pk}/change/", data)
    assert response.status_code == 302
    rows = AuditLog.objects.for_org(org).filter(action="admin.changed", resource_type="membership")
    told = {row.meta_json["email"]: row.meta_json["changes"] for row in rows}
    assert told == {boss.email: {"role": ["admin", "viewer"]}, dev.email: {"role": ["developer", "admin"]}}
    removed = AuditLog.objects.for_org(org).get(action="admin.deleted")
    assert (removed.meta_json["email"], removed.meta_json["role"]) == (gone.email, "viewer")
    assert removed.resource_id == str(next(m.pk for m in members if m.user == gone))
    assert not AuditLog.objects.filter(action="admin.changed", resource_type="org").exists(), "its name is the same"


def test_every_editable_admin_records_before_and_after(root: User) -> None:
    """A relative: a row of another app, changed by its own page."""
    org = make_org("Acme")
    service = make_service(org, "checkout")
    client = signed_in(root)
    page = client.get(f"/admin/services/service/{service.pk}/change/")
    form = page.context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}
    for formset in page.context["inline_admin_formsets"]:
        for inline in [formset.formset.management_form, *formset.formset.forms]:
            data |= {inline.add_prefix(name): inline[name].value() or "" for name in inline.fields}
    response = client.post(f"/admin/services/service/{service.pk}/change/", {**data, "retention_days": 30})
    assert response.status_code == 302, response.context["errors"]
    row = AuditLog.objects.for_org(org).get(action="admin.changed")
    assert row.meta_json["changes"] == {"retention_days": [7, 30]}


def test_a_dropped_second_factor_is_in_every_log(person: User, root: User) -> None:
    factor = Authenticator.objects.create(user=person, type="totp", data={"secret": "TOPSECRET"})
    signed_in(root).post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    assert logged("admin.deleted").keys() == BOTH
    assert "TOPSECRET" not in str(list(AuditLog.objects.values()))


def test_deactivating_is_in_every_log(person: User, root: User) -> None:
    client = signed_in(root)
    data = {"action": "deactivate", "_selected_action": str(person.pk)}
    client.post("/admin/accounts/user/", data)
    rows = logged("user.deactivated")
    assert rows.keys() == BOTH
    assert rows["The company"].meta_json["as"] == "superuser"


# -- Append-only -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE audit_logs",
        "TRUNCATE orgs CASCADE",
        "TRUNCATE audit_logs, sessions",
        "DELETE FROM audit_logs",
        "UPDATE audit_logs SET action = 'x'",
        "SET LOCAL pulseops.audit_retention = 'on'; DELETE FROM audit_logs",
    ],
)
def test_the_log_cannot_be_emptied(viewer: User, org: Org, statement: str) -> None:
    AuditLog.objects.create(org=org, action="a.b", resource_type="x")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_logs ENABLE TRIGGER audit_logs_no_truncate")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert AuditLog.objects.count() == 1


def test_retention_takes_what_is_old(org: Org, settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 30
    AuditLog.objects.create(org=org, action="a.old", resource_type="x", created_at="2020-01-01T00:00Z")
    AuditLog.objects.create(org=org, action="a.new", resource_type="x")
    trim_audit_log()
    assert list(AuditLog.objects.values_list("action", flat=True)) == ["a.new"]


def test_members_log_keeps_who_removed_whom(client_for: Callable[[User], Client], admin: User, viewer: User) -> None:
    remove_member(actor=admin, membership=viewer.memberships.get())
    assert AuditLog.objects.get().meta_json["email"] == viewer.email

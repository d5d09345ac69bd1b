from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin as django_admin
from django.test import Client

from accounts.actions.invitations import invite
from accounts.models import AuditLog, Membership, Org, Role, Session, User
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_user
from tests.support.sign_in import signed_in

ACCOUNTS = ("user", "org", "membership", "session", "invitation", "auditlog")


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser("root@example.org", PASSWORD))


def change(model: str, pk: object) -> str:
    return f"/admin/accounts/{model}/{pk}/change/"


@pytest.mark.django_db
def test_others_are_kept_out(client: Client, client_for: Callable[[User], Client], admin: User) -> None:
    assert client.get("/admin/")["location"].startswith("/admin/login/")
    assert client_for(admin).get("/admin/accounts/user/").status_code == 302
    assert client_for(admin).get("/admin/login/").status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("model", ACCOUNTS)
def test_lists_and_searches(root: Client, admin: User, viewer: User, org: Org, model: str) -> None:
    invite(actor=admin, org=org, email="new@example.org", role=Role.VIEWER)
    page = root.get(f"/admin/accounts/{model}/")
    assert page.status_code == 200
    assert "p.m." not in page.text
    assert "a.m." not in page.text
    assert root.get(f"/admin/accounts/{model}/", {"q": "example 'x"}).status_code == 200


@pytest.mark.django_db
def test_no_page_shows_a_hash_or_a_secret(
    root: Client, admin: User, org: Org, client_for: Callable[[User], Client]
) -> None:
    client_for(admin)
    invitation, _ = invite(actor=admin, org=org, email="new@example.org", role=Role.VIEWER)
    session = Session.objects.get(user=admin)
    factor = Authenticator.objects.create(user=admin, type="totp", data={"secret": "TOPSECRET"})
    pages = "".join(
        root.get(path).content.decode()
        for path in (
            change("user", admin.pk),
            change("session", session.pk),
            change("invitation", invitation.pk),
            f"/admin/mfa/authenticator/{factor.pk}/change/",
            "/admin/accounts/session/",
            "/admin/accounts/invitation/",
        )
    )
    assert admin.email in pages
    for secret in (session.session_token_hash, invitation.token_hash, "TOPSECRET", "$2b$", "bcrypt"):
        assert secret not in pages


@pytest.mark.django_db
def test_makes_a_user(root: Client) -> None:
    data = {"email": "new@example.org", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    data |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    response = root.post("/admin/accounts/user/add/", data)
    assert response.status_code == 302, response.context["errors"]
    user = User.objects.get(email="new@example.org")
    assert user.check_password(PASSWORD)
    assert AuditLog.objects.get().action == "admin.added"


@pytest.mark.django_db
def test_sets_a_password_and_ends_sessions(root: Client, viewer: User, client_for: Callable[[User], Client]) -> None:
    theirs = client_for(viewer)
    path = f"/admin/accounts/user/{viewer.pk}/password/"
    assert path in root.get(change("user", viewer.pk)).content.decode()
    assert root.get(path).status_code == 200
    new = "another good password"
    response = root.post(path, {"usable_password": "true", "password1": new, "password2": new, "set-password": "1"})
    assert response.status_code == 302
    viewer.refresh_from_db()
    assert viewer.check_password(new)
    assert theirs.get("/account").status_code == 302
    assert AuditLog.objects.filter(action="admin.changed", resource_id=str(viewer.pk)).exists()


def save(client: Client, user: User, **changed: str) -> int:
    data = {"email": user.email, "name": user.name or "", "is_active": "on"}
    member = Membership.objects.filter(user=user)
    data |= {"memberships-TOTAL_FORMS": str(len(member)), "memberships-INITIAL_FORMS": str(len(member))}
    for number, each in enumerate(member):
        data |= {f"memberships-{number}-{field}": str(getattr(each, field)) for field in ("id", "role")}
        data |= {f"memberships-{number}-org": str(each.org_id), f"memberships-{number}-user": str(user.pk)}
    data |= changed
    return client.post(change("user", user.pk), {key: value for key, value in data.items() if value}).status_code


@pytest.mark.django_db
def test_deactivating_signs_out_and_is_recorded(
    root: Client, viewer: User, client_for: Callable[[User], Client]
) -> None:
    theirs = client_for(viewer)
    assert save(root, viewer, is_active="") == 302
    viewer.refresh_from_db()
    assert not viewer.is_active
    assert not Session.objects.filter(user=viewer).exists()
    assert theirs.get("/account").status_code == 302
    assert AuditLog.objects.filter(action="user.deactivated", resource_id=str(viewer.pk)).count() == 1


@pytest.mark.django_db
def test_deactivates_and_reactivates_many(root: Client, viewer: User, admin: User) -> None:
    everybody = [str(pk) for pk in User.objects.values_list("pk", flat=True)]
    page = root.post(
        "/admin/accounts/user/", {"action": "deactivate", "_selected_action": everybody}, follow=True
    ).content.decode()
    assert "cannot deactivate yourself" in page
    assert list(User.objects.filter(is_active=True).values_list("email", flat=True)) == ["root@example.org"]
    root.post("/admin/accounts/user/", {"action": "reactivate", "_selected_action": everybody})
    assert User.objects.filter(is_active=True).count() == len(everybody)
    assert AuditLog.objects.filter(action="user.reactivated").count() == 2


@pytest.mark.django_db
def test_users_are_not_deleted(root: Client, viewer: User) -> None:
    assert root.post(f"/admin/accounts/user/{viewer.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(
        "/admin/accounts/user/", {"action": "delete_selected", "_selected_action": [str(viewer.pk)], "post": "yes"}
    )
    assert User.objects.filter(pk=viewer.pk).exists()


@pytest.mark.django_db
def test_deletes_an_organisation_as_its_admin_would(root: Client, org: Org, viewer: User, working: Working) -> None:
    with working():
        assert root.post(f"/admin/accounts/org/{org.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Org.objects.get().purged_at
    assert set(AuditLog.objects.values_list("action", flat=True)) == {"org.deleted", "admin.deleted"}


@pytest.mark.django_db
def test_ends_a_session(root: Client, viewer: User, client_for: Callable[[User], Client]) -> None:
    theirs = client_for(viewer)
    session = Session.objects.get(user=viewer)
    assert root.post(f"/admin/accounts/session/{session.pk}/delete/", {"post": "yes"}).status_code == 302
    assert theirs.get("/account").status_code == 302


@pytest.mark.django_db
def test_audit_rows_are_read_only(root: Client, org: Org) -> None:
    row = AuditLog.objects.create(org=org, action="x.done", resource_type="x")
    assert root.get(change("auditlog", row.pk)).status_code == 200
    assert root.post(change("auditlog", row.pk), {"action": "y"}).status_code == 403
    assert root.get("/admin/accounts/auditlog/add/").status_code == 403
    assert root.post(f"/admin/accounts/auditlog/{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.django_db
def test_ones_own_password_is_changed_on_our_page(root: Client) -> None:
    assert root.get("/admin/password_change/")["location"] == "/account/password"


@pytest.mark.django_db
def test_what_is_not_used_is_not_there() -> None:
    labels = {model._meta.label for model in django_admin.site._registry}
    assert not labels & {"auth.Group", "account.EmailAddress", "account.EmailConfirmation"}


@pytest.mark.django_db
def test_lifts_the_second_factor_of_a_lost_phone(root: Client) -> None:
    factor = Authenticator.objects.create(user=make_user(), type="totp", data={})
    assert root.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.exists()
    assert AuditLog.objects.get().action == "admin.deleted"

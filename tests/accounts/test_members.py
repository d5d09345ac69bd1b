from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actions.members import LastAdminError, change_role, leave_org, remove_member
from accounts.models import AuditLog, Membership, Org, Role, User
from tests.support.factories import make_member, make_org, make_user
from tests.support.threads import at_once


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


@pytest.mark.django_db
def test_signed_out_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/orgs/members").status_code == 302


@pytest.mark.django_db
def test_everybody_sees_colleagues_and_only_admins_see_more(
    client_for: Callable[[User], Client], viewer: User, admin: User, outsider: User
) -> None:
    of_viewer = client_for(viewer).get("/orgs/members").content.decode()
    of_admin = client_for(admin).get("/orgs/members").content.decode()
    for page in (of_viewer, of_admin):
        assert viewer.email in page
        assert admin.email in page
        assert outsider.email not in page
    assert "Invite a colleague" in of_admin
    assert "Invite a colleague" not in of_viewer
    assert "/role" not in of_viewer
    assert "/remove" not in of_viewer
    assert "Last seen" not in of_viewer


@pytest.mark.django_db
def test_queries_do_not_grow_with_members(
    client_for: Callable[[User], Client], admin: User, org: Org, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_member(org, Role.VIEWER)
    client = client_for(admin)
    client.get("/orgs/members")
    with django_assert_max_num_queries(8):
        client.get("/orgs/members")


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["role", "remove"])
def test_only_admins_change_members(
    client_for: Callable[[User], Client], viewer: User, developer: User, admin: User, outsider: User, act: str
) -> None:
    path = f"/orgs/members/{membership(viewer).pk}/{act}"
    assert client_for(developer).post(path, {"role": "admin"}).status_code == 403
    assert client_for(viewer).post(path, {"role": "admin"}).status_code == 403
    assert client_for(outsider).post(path, {"role": "admin"}).status_code == 404
    assert client_for(admin).get(path).status_code == 405
    assert membership(viewer).role == "viewer"


@pytest.mark.django_db
def test_changes_a_role(client_for: Callable[[User], Client], viewer: User, admin: User, org: Org) -> None:
    client = client_for(admin)
    path = f"/orgs/members/{membership(viewer).pk}/role"
    for _ in range(2):
        assert client.post(path, {"role": "developer"})["location"] == "/orgs/members"
    assert membership(viewer).role == "developer"
    row = AuditLog.objects.get()
    assert (row.action, row.org, row.actor_user) == ("member.role_changed", org, admin)
    assert row.meta_json == {
        "email": viewer.email,
        "user_id": str(viewer.pk),
        "from": "viewer",
        "to": "developer",
    }
    assert client.post(path, {"role": "owner"}).status_code == 400


@pytest.mark.django_db
def test_a_role_counts_at_once(client_for: Callable[[User], Client], viewer: User, admin: User) -> None:
    client = client_for(viewer)
    assert client.get("/orgs/settings").status_code == 403
    change_role(actor=admin, membership=membership(viewer), role=Role.ADMIN)
    assert client.get("/orgs/settings").status_code == 200


@pytest.mark.django_db
def test_a_removed_member_is_out_at_once(
    client_for: Callable[[User], Client], viewer: User, admin: User, audited: Callable[[], list[str]]
) -> None:
    theirs = client_for(viewer)
    assert theirs.get("/orgs/members").status_code == 200
    client = client_for(admin)
    path = f"/orgs/members/{membership(viewer).pk}/remove"
    assert client.post(path)["location"] == "/orgs/members"
    assert theirs.get("/orgs/members")["location"] == "/orgs"
    assert client.post(path).status_code == 404
    assert audited() == ["member.removed"]


@pytest.mark.django_db
def test_the_last_admin_stays(client_for: Callable[[User], Client], viewer: User, admin: User) -> None:
    client = client_for(admin)
    own = membership(admin)
    for path, data in ((f"/orgs/members/{own.pk}/role", {"role": "viewer"}), (f"/orgs/members/{own.pk}/remove", {})):
        assert "is the last admin" in client.post(path, data, follow=True).content.decode()
    assert membership(admin).role == "admin"
    assert not AuditLog.objects.exists()


# -- Two at once, on connections of their own ------------------------------------------------------------------------


def two_admins() -> tuple[Membership, Membership]:
    org = make_org("Race")
    return membership(make_member(org, Role.ADMIN)), membership(make_member(org, Role.ADMIN))


@pytest.mark.django_db(transaction=True)
def test_two_admins_cannot_demote_each_other_at_once() -> None:
    for _ in range(5):
        one, two = two_admins()
        outcomes = at_once(
            lambda one=one, two=two: change_role(actor=one.user, membership=two, role=Role.VIEWER),
            lambda one=one, two=two: change_role(actor=two.user, membership=one, role=Role.VIEWER),
        )
        assert set(outcomes) == {LastAdminError, None}
        assert Membership.objects.filter(org=one.org, role="admin").count() == 1


@pytest.mark.django_db(transaction=True)
def test_leaving_and_removing_at_once_leave_an_admin() -> None:
    for _ in range(5):
        one, two = two_admins()
        outcomes = at_once(
            lambda one=one: leave_org(actor=one.user, membership=one),
            lambda one=one, two=two: remove_member(actor=one.user, membership=two),
        )
        assert set(outcomes) == {LastAdminError, None}
        assert Membership.objects.filter(org=one.org, role="admin").count() == 1


@pytest.mark.django_db
def test_a_deleted_user_is_gone(admin: User, viewer: User) -> None:
    theirs = membership(viewer)
    remove_member(actor=admin, membership=theirs)
    with pytest.raises(Membership.DoesNotExist):
        change_role(actor=admin, membership=theirs, role=Role.ADMIN)


@pytest.mark.django_db
def test_names_may_be_missing(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    make_member(org, Role.VIEWER, user=make_user("nameless@example.org"))
    assert "nameless@example.org" in client_for(admin).get("/orgs/members").content.decode()

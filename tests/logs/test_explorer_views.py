"""Saved views: private or for the organisation, audited, and only the owner's or an admin's to delete."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest
from django.test import Client

from accounts.models import AuditLog, Org, Role, User
from logs.explorer import actions
from logs.explorer.packed import packed
from logs.models import SavedView
from tests.support.factories import make_member

ClientFor = Callable[[User], Client]


def save(
    client: Client, name: str = "Errors", page: str = "q=level%3Aerror&from=-24h&row=1-1&at=5", **extra: str
) -> str:
    response = client.post("/logs/views", {"name": name, "page": packed(dict(parse_qsl(page))), **extra})
    assert response.status_code == 302
    return str(response["Location"])


def test_a_page_is_saved_with_what_lasts_of_it(client_for: ClientFor, viewer: User, org: Org) -> None:
    assert save(client_for(viewer)) == "/logs?q=level%3Aerror&from=-24h"
    view = SavedView.objects.get()
    assert (view.org, view.owner, view.params) == (org, viewer, {"q": "level:error", "from": "-24h"})
    assert AuditLog.objects.get(action="log_view.created").resource_id == str(view.pk)
    assert 'href="/logs?q=level%3Aerror&amp;from=-24h"' in client_for(viewer).get("/logs").content.decode()


def test_saving_under_the_same_name_replaces(client_for: ClientFor, viewer: User) -> None:
    save(client_for(viewer))
    save(client_for(viewer), page="q=other")
    assert SavedView.objects.get().params == {"q": "other"}
    assert AuditLog.objects.filter(action="log_view.changed").count() == 1


def test_a_private_view_is_the_owners_alone(client_for: ClientFor, developer: User, admin: User) -> None:
    save(client_for(developer), name="Mine alone")
    assert "Mine alone" in client_for(developer).get("/logs").content.decode()
    assert "Delete the view “Mine alone”?" in client_for(developer).get("/logs/views/all").content.decode()
    for path in ("/logs", "/logs/views/all"):
        assert "Mine alone" not in client_for(admin).get(path).content.decode()
    pk = SavedView.objects.get().pk
    assert client_for(admin).post(f"/logs/views/{pk}/delete").status_code == 404


def test_a_shared_view_is_seen_by_all_and_deleted_by_owner_or_admin(
    client_for: ClientFor, org: Org, developer: User, viewer: User, admin: User
) -> None:
    save(client_for(developer), name="Ours", is_shared="on")
    pk = SavedView.objects.get().pk
    assert "Ours" in client_for(viewer).get("/logs").content.decode()
    assert client_for(viewer).post(f"/logs/views/{pk}/delete").status_code == 403
    assert client_for(make_member(org, Role.DEVELOPER)).post(f"/logs/views/{pk}/delete").status_code == 403
    assert client_for(admin).post(f"/logs/views/{pk}/delete").status_code == 302
    assert not SavedView.objects.exists()
    assert AuditLog.objects.filter(action="log_view.deleted").count() == 1


def test_a_viewer_does_not_share(client_for: ClientFor, viewer: User) -> None:
    save(client_for(viewer), is_shared="on")
    assert not SavedView.objects.get().is_shared


def test_an_outsider_neither_sees_nor_deletes(client_for: ClientFor, developer: User, outsider: User) -> None:
    save(client_for(developer), name="Ours", is_shared="on")
    pk = SavedView.objects.get().pk
    assert "Ours" not in client_for(outsider).get("/logs").content.decode()
    assert client_for(outsider).post(f"/logs/views/{pk}/delete").status_code == 404


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_bad_name_is_refused(client_for: ClientFor, viewer: User, name: str) -> None:
    client = client_for(viewer)
    assert save(client, name=name) == "/logs"
    assert "needs a name" in client.get("/logs").content.decode()
    assert not SavedView.objects.exists()


def test_there_is_a_most(client_for: ClientFor, viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_VIEWS", 1)
    client = client_for(viewer)
    save(client)
    save(client, name="Another")
    assert "Delete one first" in client.get("/logs").content.decode()
    assert SavedView.objects.count() == 1


@pytest.mark.parametrize("path", ["/logs/views", "/logs/views/1/delete"])
def test_reading_methods_change_nothing(client_for: ClientFor, viewer: User, path: str) -> None:
    assert client_for(viewer).get(path).status_code == 405

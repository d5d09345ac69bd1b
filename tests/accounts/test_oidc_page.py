"""The page where an organisation sets its identity provider."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import IdentityProvider, Org, User
from tests.support.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("identity_provider")]

FORM = {
    "name": "Acme ID", "issuer": "https://id.example.com/", "client_id": "acme", "client_secret": "s3cret",
    "domains": "Example.com, @example.org", "group_claim": "groups", "roles": "platform = Admin\nweb = team = viewer",
    "default_role": "viewer",
}  # fmt: skip


def test_the_page_sets_and_removes_the_provider(org: Org, admin: User) -> None:
    client = signed_in(admin)
    assert client.post("/orgs/provider", FORM)["Location"] == "/orgs/provider"
    row = IdentityProvider.objects.get(org=org)
    assert (row.issuer, row.domains) == ("https://id.example.com", ["example.com", "example.org"])
    assert row.roles == {"platform": "admin", "web = team": "viewer"}
    page = client.get("/orgs/provider").content.decode()
    assert f"/signin/{row.pk.hex}/callback" in page
    assert "s3cret" not in page
    client.post("/orgs/provider", {**FORM, "client_secret": "", "name": "Renamed"})
    row.refresh_from_db()
    assert row.name == "Renamed"
    client.post("/orgs/provider/delete")
    assert not IdentityProvider.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issuer": "http://id.example.com"}, "must start with https://"),
        ({"issuer": "http://10.0.0.1"}, "must start with https://"),
        ({"issuer": "http://intra.example:8080"}, "operator"),
        ({"client_secret": ""}, "The provider shows it"),
        ({"domains": "not a domain"}, "is not a domain"),
        ({"roles": "platform = owner"}, "is not “group = role”"),
    ],
)
def test_what_makes_no_sense_is_said(admin: User, org: Org, settings: Any, wrong: dict[str, str], said: str) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["intra.example:8080"]
    page = signed_in(admin).post("/orgs/provider", {**FORM, **wrong}).content.decode()
    assert said in page
    assert not IdentityProvider.objects.exists()


def test_only_admins_set_it(developer: User) -> None:
    assert signed_in(developer).get("/orgs/provider").status_code == 403

"""Signing in by an OpenID Connect provider: who gets in, as whom, with which role; and who does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from accounts.actions.account_deletion import delete_account
from accounts.models import AuditLog, IdentityProvider, Membership, Org, User
from accounts.oidc.actions import save_provider
from accounts.oidc.adapter import proved_address
from accounts.oidc.http import GuardedSession, _Response, _wait
from accounts.oidc.providers import Provider, provider_of
from accounts.oidc.turns import NoTurnError, turn
from pulseops.core.outbound.client import Answer
from tests.support import identity_provider
from tests.support.factories import PASSWORD, make_org
from tests.support.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("identity_provider")]
SITE = "/signin/site"


@pytest.fixture(scope="module")
def process() -> Iterator[identity_provider.IdentityProvider]:
    with identity_provider.running_provider() as provider:
        yield provider


@pytest.fixture
def idp(process: identity_provider.IdentityProvider, settings: Any) -> identity_provider.IdentityProvider:
    """The provider, as the installation's own."""
    settings.OUTGOING_PRIVATE_HOSTS = [process.host]
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = process.issuer, "pulseops", "s3cret"
    settings.OIDC_NAME, settings.OIDC_DOMAINS = "Okta", ["example.com"]
    settings.OIDC_SECONDS = 60  # a busy machine's provider must not rest
    return process


@pytest.fixture
def row(idp: identity_provider.IdentityProvider, org: Org, admin: User, settings: Any) -> IdentityProvider:
    """The same as the provider of an organisation, which no one has looked at."""
    settings.OIDC_ISSUER = ""
    values = {
        "name": "Acme ID", "issuer": idp.issuer, "client_id": "acme", "domains": ["example.com"],
        "group_claim": "groups",
        "roles": {"platform": "admin", "dev": "developer"}, "default_role": "viewer",
    }  # fmt: skip
    return save_provider(actor=admin, org=org, values=values, client_secret="s3cret")


def trust(row: IdentityProvider) -> str:
    """Let the provider speak for its domains; returns where one signs in by it."""
    IdentityProvider.objects.filter(pk=row.pk).update(speaks_for_domains=True)
    return f"/signin/{row.pk.hex}"


def is_signed_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def told(response: Any, client: Client) -> str:
    assert response.status_code == 302, response.content
    return client.get(response["Location"]).content.decode()


def test_the_way_there_asks_for_a_code_with_proof(idp: identity_provider.IdentityProvider) -> None:
    client = Client()
    assert "Sign in with Okta" in client.get("/login").content.decode()
    query = parse_qs(urlsplit(client.get(SITE)["Location"]).query)
    assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
    assert query["redirect_uri"] == ["http://testserver/signin/site/callback"]
    assert query["state"]


def test_a_new_person_gets_an_account(idp: identity_provider.IdentityProvider) -> None:
    idp.knows("new", email="new@example.com", email_verified=True, name="Nora New")
    client = Client()
    response = idp.sign_in(client, SITE, "new")
    assert response.status_code == 302
    assert is_signed_in(client)
    user = User.objects.get(email="new@example.com")
    assert (user.name, user.has_usable_password()) == ("Nora New", False)
    again = Client()
    idp.sign_in(again, SITE, "new")
    assert is_signed_in(again)
    assert User.objects.filter(email__iexact="new@example.com").count() == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "viewer@elsewhere.com", "email_verified": True},
        {"email": "viewer@example.com", "email_verified": False},
        {"email": "viewer@example.com"},
        {"email": "viewer@example.com", "email_verified": "true"},
        {"email": "x@example.com@elsewhere.com", "email_verified": True},
        {"email": "x" * 300 + "@example.com", "email_verified": True},
        {"email": 7, "email_verified": True},
        {},
    ],
)
def test_an_address_that_is_not_proved_opens_nothing(
    idp: identity_provider.IdentityProvider, org: Org, claims: dict[str, Any]
) -> None:
    for email in ("viewer@elsewhere.com", "viewer@example.com"):
        User.objects.create_user(email, PASSWORD)
    before = User.objects.count()
    idp.knows("mallory", **claims)
    client = Client()
    page = told(idp.sign_in(client, SITE, "mallory"), client)
    assert "No account here is connected to this one of Okta." in page or "with Okta did not work" in page
    assert not is_signed_in(client)
    assert (User.objects.count(), SocialAccount.objects.count()) == (before, 0)


def test_a_proved_address_opens_its_account(idp: identity_provider.IdentityProvider, viewer: User) -> None:
    User.objects.filter(pk=viewer.pk).update(email="Viewer@example.com")
    mark_proved(viewer)
    idp.knows("vera", email="viewer@example.com", email_verified=True)
    client = Client()
    idp.sign_in(client, SITE, "vera")
    assert is_signed_in(client)
    assert SocialAccount.objects.get().user == viewer
    assert AuditLog.objects.filter(action="user.provider_connected").exists()


def test_who_took_an_address_that_was_not_theirs_loses_it(idp: identity_provider.IdentityProvider) -> None:
    squatter = User.objects.create_user("ceo@example.com", PASSWORD)
    TOTP.activate(squatter, generate_totp_secret())
    thief = signed_in(squatter)
    idp.knows("ceo", email="ceo@example.com", email_verified=True)
    owner = Client()
    idp.sign_in(owner, SITE, "ceo")
    assert is_signed_in(owner)
    assert not is_signed_in(thief)
    squatter.refresh_from_db()
    assert not squatter.has_usable_password()
    assert not Authenticator.objects.filter(user=squatter).exists()


def test_the_second_factor_is_asked_for_after_it(idp: identity_provider.IdentityProvider, viewer: User) -> None:
    TOTP.activate(viewer, generate_totp_secret())
    SocialAccount.objects.create(user=viewer, provider="site", uid="vera2")
    client = Client()
    assert idp.sign_in(client, SITE, "vera2")["Location"].startswith("/account/2fa/sign-in")
    assert not is_signed_in(client)


def test_a_deactivated_account_stays_shut(idp: identity_provider.IdentityProvider, viewer: User) -> None:
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    idp.knows("gone", email=viewer.email, email_verified=True)
    client = Client()
    idp.sign_in(client, SITE, "gone")
    assert not is_signed_in(client)


def test_a_refusal_and_a_forged_answer_are_said(idp: identity_provider.IdentityProvider) -> None:
    client = Client()
    assert "did not work" in told(idp.sign_in(client, SITE, "x", action="deny"), client)
    response = client.get("/signin/site/callback?code=made-up&state=made-up")
    assert response.status_code in {302, 403}
    assert not is_signed_in(client)


def test_an_organisation_cannot_let_its_provider_take_accounts(
    idp: identity_provider.IdentityProvider, row: IdentityProvider, outsider: User
) -> None:
    idp.knows("evil", email=outsider.email, email_verified=True)
    client = Client()
    page = told(idp.sign_in(client, f"/signin/{row.pk.hex}", "evil"), client)
    assert "No account here is connected" in page
    trust(row)
    User.objects.filter(pk=outsider.pk).update(email="o@elsewhere.com")
    idp.knows("evil", email="o@elsewhere.com", email_verified=True)
    idp.sign_in(client, f"/signin/{row.pk.hex}", "evil")
    assert not is_signed_in(client)


def test_whom_it_speaks_for_joins_with_the_role_of_the_groups(
    idp: identity_provider.IdentityProvider, row: IdentityProvider, org: Org
) -> None:
    start = trust(row)
    idp.knows("dora", email="dora@example.com", email_verified=True, groups=["dev", "other"])
    client = Client()
    idp.sign_in(client, start, "dora")
    assert client.get("/dashboard").status_code == 200
    membership = Membership.objects.get(user__email="dora@example.com")
    assert (membership.org, membership.role) == (org, "developer")
    idp.knows("dora", email="dora@example.com", email_verified=True, groups=["platform", "dev"])
    idp.sign_in(Client(), start, "dora")
    membership.refresh_from_db()
    assert membership.role == "admin"
    assert AuditLog.objects.for_org(org).filter(action="member.joined_by_provider").exists()


def test_the_last_admin_stays_admin(
    idp: identity_provider.IdentityProvider, row: IdentityProvider, admin: User, org: Org
) -> None:
    start = trust(row)
    mark_proved(admin)
    idp.knows("boss", email=admin.email, email_verified=True, groups=["dev"])
    client = Client()
    idp.sign_in(client, start, "boss")
    assert is_signed_in(client)
    assert Membership.objects.get(user=admin, org=org).role == "admin"


def test_a_member_connects_their_account_and_signs_in_by_it(
    idp: identity_provider.IdentityProvider, row: IdentityProvider, viewer: User
) -> None:
    idp.knows("vic", email="private@elsewhere.com", email_verified=False)
    client = signed_in(viewer)
    assert "Acme ID" in client.get("/account/connections").content.decode()
    page = client.post(f"/account/connections/{row.pk.hex}/connect").content.decode()
    link = page.split('class="button button--primary" href="')[1].split('"')[0].replace("&amp;", "&")
    response = idp.sign_in(client, link, "vic")
    assert response["Location"] == "/account/connections"
    by_provider = Client()
    idp.sign_in(by_provider, f"/signin/{row.pk.hex}", "vic")
    assert is_signed_in(by_provider)
    account = SocialAccount.objects.get(user=viewer)
    client.post(f"/account/connections/{account.pk}/disconnect")
    assert not SocialAccount.objects.exists()
    assert Membership.objects.get(user=viewer).role == "viewer"


def test_no_one_else_can_have_an_identity_connected(
    idp: identity_provider.IdentityProvider, row: IdentityProvider, viewer: User, developer: User
) -> None:
    page = signed_in(developer).post(f"/account/connections/{row.pk.hex}/connect").content.decode()
    link = page.split('class="button button--primary" href="')[1].split('"')[0].replace("&amp;", "&")
    assert signed_in(viewer).get(link).status_code == 404
    victim = signed_in(viewer)
    idp.sign_in(victim, f"/signin/{row.pk.hex}?process=connect", "attacker")
    assert not SocialAccount.objects.exists()


def test_a_new_issuer_is_reviewed_anew(row: IdentityProvider, org: Org, admin: User, viewer: User) -> None:
    trust(row)
    SocialAccount.objects.create(user=viewer, provider=row.pk.hex, uid="1")
    values = {"name": row.name, "issuer": "https://other.example.com", "client_id": "acme", "domains": row.domains}
    save_provider(actor=admin, org=org, values=values, client_secret="")
    row.refresh_from_db()
    assert not row.speaks_for_domains
    assert not SocialAccount.objects.exists()
    assert "s3cret" not in row.client_secret_encrypted


def test_another_organisations_provider_is_not_offered(row: IdentityProvider, outsider: User) -> None:
    assert "Acme ID" not in signed_in(outsider).get("/account/connections").content.decode()
    assert Client().get(f"/signin/{make_org('X').pk.hex}").status_code == 404


def test_requests_go_to_no_inner_address(idp: identity_provider.IdentityProvider, settings: Any) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = []
    client = Client()
    assert "did not work" in told(client.get(SITE), client)


def test_an_account_that_is_shut_is_said_to_be(idp: identity_provider.IdentityProvider, viewer: User) -> None:
    SocialAccount.objects.create(user=viewer, provider="site", uid="shut")
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    client = Client()
    assert "did not work" in told(idp.sign_in(client, SITE, "shut"), client)
    assert not is_signed_in(client)


def test_who_deletes_their_account_may_come_again(idp: identity_provider.IdentityProvider, viewer: User) -> None:
    SocialAccount.objects.create(user=viewer, provider="site", uid="again")
    delete_account(actor=viewer)
    idp.knows("again", email="again@example.com", email_verified=True, name="Ann\u202e\x1b[31m  Again")
    client = Client()
    idp.sign_in(client, SITE, "again")
    assert is_signed_in(client)
    assert User.objects.get(email="again@example.com").name == "Ann[31m Again"


def test_a_subject_that_is_too_long_is_refused(idp: identity_provider.IdentityProvider) -> None:
    client = Client()
    assert "did not work" in told(idp.sign_in(client, SITE, "x" * 5_000), client)


def test_the_way_there_leads_to_a_web_page(
    idp: identity_provider.IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = {"issuer": idp.issuer, "authorization_endpoint": "javascript:alert(1)"}
    monkeypatch.setattr(_Response, "json", lambda _: evil)
    client = Client()
    assert "did not work" in told(client.get(SITE), client)


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"a":' * 10_000, b"[1]", b"\xff", b""])
def test_what_is_no_json_object_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(requests.RequestException):
        _Response(Answer(200, {}, body)).json()


@pytest.mark.parametrize("email", ["a b@example.com", "a@example.com\r\nBcc: x@example.com", "@example.com"])
def test_what_is_no_address_proves_none(email: str) -> None:
    provider = Provider("site", "Okta", "https://example.com", "id", "", speaks_for_all=True)
    assert proved_address(provider, {"email": email, "email_verified": True}) == ""


def test_an_address_alone_opens_nothing_beyond_the_organisation(
    idp: identity_provider.IdentityProvider, row: IdentityProvider, org: Org, viewer: User, developer: User
) -> None:
    start = trust(row)
    make_org("Other", admin=viewer)
    User.objects.filter(pk=developer.pk).update(is_superuser=True)
    for subject, user in {"vera": viewer, "dev": developer}.items():
        mark_proved(user)
        idp.knows(subject, email=user.email, email_verified=True)
        client = Client()
        assert "Sign in with your password, and connect it" in told(idp.sign_in(client, start, subject), client)
        assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()


def test_a_suspended_organisations_provider_rests(row: IdentityProvider, org: Org) -> None:
    Org.objects.filter(pk=org.pk).update(suspended_at=timezone.now())
    assert Client().get(f"/signin/{row.pk.hex}").status_code == 404


def test_providers_that_wait_leave_threads_for_pages(settings: Any) -> None:
    """48 sign-ins by one slow provider kept all pages of strangers waiting for 7 seconds."""
    one, two = (Provider(name, name, "", "", "", org=Org()) for name in "12")
    site = Provider("site", "site", "", "", "")
    with turn(one), turn(one):
        with pytest.raises(NoTurnError), turn(one):
            pass
        with turn(two), turn(site), turn(site), turn(site):
            for full in (two, site):
                with pytest.raises(NoTurnError), turn(full):
                    pass
    with turn(one):
        _waited(settings.OIDC_SECONDS + 1)
        with pytest.raises(requests.RequestException):
            GuardedSession().get("https://example.com")
    with pytest.raises(NoTurnError), turn(one):
        pass
    with turn(two):
        _waited(0.1)
    with turn(two):
        pass


def test_a_page_says_that_a_provider_is_slow(idp: identity_provider.IdentityProvider, row: IdentityProvider) -> None:
    provider = provider_of(row)
    with turn(provider), turn(provider):
        client = Client()
        assert "Acme ID answers slowly" in told(client.get(f"/signin/{row.pk.hex}"), client)


def _waited(seconds: float) -> None:
    wait = _wait.get()
    assert wait is not None
    wait.seconds += seconds


def mark_proved(user: User) -> None:
    if hasattr(user, "email_verified_at"):
        User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())

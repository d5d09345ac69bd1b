"""Pages of passkeys without a browser: who may see them, and what is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from fido2.cbor import encode
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData
from pytest_django.fixtures import Settings

from accounts.models import AuditLog, User
from accounts.relying_party import offers_passkeys, relying_party_id, relying_party_origin
from tests.accounts.conftest import Working
from tests.support.sign_in import signed_in

pytestmark = pytest.mark.django_db
PAGE = "/account/2fa/passkeys"
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def _address(settings: Settings) -> None:
    settings.PUBLIC_URL = "http://localhost:8000"


def base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def reauthenticated(user: User) -> Client:
    client = signed_in(user)
    session = client.session
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [{**each, "reauthenticated": True} for each in records]
    session.save()
    return client


def attested(challenge: str, *, origin: str = "http://localhost:8000", verified: bool = True, **more: Any) -> str:
    """Return what a browser would send for a new passkey, whose key no one has."""
    said = {"type": "webauthn.create", "challenge": challenge, "origin": origin}
    key = ES256({1: 2, 3: -7, -1: 1, -2: b"\1" * 32, -3: b"\2" * 32})
    credential = AttestedCredentialData.create(Aaguid.NONE, b"an id of sixteen", key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT | (AuthenticatorData.FLAG.UV if verified else 0)
    data = AuthenticatorData.create(sha256(b"localhost").digest(), flags, 0, credential)
    response = {
        "clientDataJSON": base64url(json.dumps(said).encode()),
        "attestationObject": base64url(AttestationObject.create("none", data, {})),
    }
    return json.dumps(
        {"id": base64url(b"an id of sixteen"), "rawId": base64url(b"an id of sixteen"), "type": "public-key"}
        | {"response": response, "clientExtensionResults": {"credProps": {"rk": True}}}
        | more
    )


def challenge_of(client: Client) -> str:
    return str(client.get(f"{PAGE}/new").context["js_data"]["creation_options"]["publicKey"]["challenge"])


def add(client: Client, **said: Any) -> Any:
    credential = attested(challenge_of(client), **said)
    return client.post(f"{PAGE}/new", {"name": "Laptop", "passwordless": "on", "credential": credential})


def test_adding_renaming_and_removing_are_recorded_and_mailed(
    viewer: User, working: Working, audited: Callable[[], list[str]]
) -> None:
    elsewhere, client = signed_in(viewer), reauthenticated(viewer)
    with working():
        assert add(client)["Location"] == "/account/2fa/recovery-codes"
    assert "A passkey was added." in mail.outbox[0].body
    assert elsewhere.get("/dashboard").status_code == 302, "no session without a second factor goes on"
    factor = Authenticator.objects.get(user=viewer, type="webauthn")
    assert "Laptop" in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}/{factor.pk}/name", {"name": "Old laptop"}).status_code == 302
    with working():
        assert client.post(f"{PAGE}/{factor.pk}/remove")["Location"] == PAGE
    assert not Authenticator.objects.filter(user=viewer).exists()
    assert "A passkey was removed." in mail.outbox[-1].body
    rows = AuditLog.objects.filter(action__startswith="user.passkey").order_by("id")
    assert [row.action for row in rows] == ["user.passkey_added", "user.passkey_renamed", "user.passkey_removed"]
    assert rows[0].meta_json == {"name": "Laptop"}


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "https://localhost.example.org"},
        {"origin": "http://evil.localhost:8000"},
        {"origin": "http://localhost:9999"},
        {"verified": False},
    ],
)
def test_what_is_not_ours_or_not_verified_is_refused(viewer: User, said: dict[str, Any]) -> None:
    response = add(reauthenticated(viewer), **said)
    assert response.status_code == 200
    assert "could not be checked" in response.content.decode()
    assert not Authenticator.objects.exists()


def test_only_known_parts_are_stored(viewer: User) -> None:
    client = reauthenticated(viewer)
    assert add(client, more="\0\ud800", clientDataJSON="x").status_code == 302
    stored = Authenticator.objects.get(user=viewer, type="webauthn").data["credential"]
    assert set(stored) == {"id", "rawId", "type", "response", "clientExtensionResults"}


def test_a_challenge_counts_once(viewer: User) -> None:
    client = reauthenticated(viewer)
    credential = attested(challenge_of(client))
    for expected in (302, 200):
        assert client.post(f"{PAGE}/new", {"credential": credential}).status_code == expected


def test_passkeys_have_an_end(viewer: User, settings: Settings) -> None:
    settings.PASSKEYS_PER_USER = 1
    client = reauthenticated(viewer)
    assert add(client).status_code == 302
    assert "You have 1 passkeys already" in add(client).content.decode()
    page = client.get(PAGE).content.decode()
    assert "An account can have no more than these" in page
    assert f"{PAGE}/new" not in page


MALFORMED = [
    "",
    "{",
    "[]",
    "1",
    "null",
    "NaN",
    "\0",
    "[" * 19_000,
    '{"a":' * 3_000,
    "x" * 100_000,
    '{"id": "AA", "rawId": "AA", "response": null}',
    '{"id": "AA", "rawId": "AA", "response": {"clientDataJSON": "AA", "authenticatorData": "AA", "signature": "AA"}}',
    '{"id": "\\ud800", "rawId": 1, "response": {"userHandle": ["AA"]}, "clientExtensionResults": []}',
]


@pytest.mark.parametrize("credential", MALFORMED)
def test_malformed_credentials_are_refused(viewer: User, client: Client, credential: str) -> None:
    member = reauthenticated(viewer)
    challenge_of(member)
    assert member.post(f"{PAGE}/new", {"credential": credential}).status_code == 200
    client.get("/login/passkey", headers=JSON)
    assert client.post("/login/passkey", {"credential": credential})["Location"] == "/login"


def test_forged_assertions_are_refused(viewer: User, client: Client, audited: Callable[[], list[str]]) -> None:
    """Of someone who has a passkey, of someone who has none, of no one."""
    assert add(reauthenticated(viewer)).status_code == 302
    before = audited()
    for handle in (viewer.pk.hex, "0" * 32, "x", ""):
        options = client.get("/login/passkey", headers=JSON).json()["request_options"]["publicKey"]
        assert options["rpId"] == "localhost"
        said = {"type": "webauthn.get", "challenge": options["challenge"], "origin": "http://localhost:8000"}
        data = AuthenticatorData.create(sha256(b"localhost").digest(), 5, 1)
        response = {
            "clientDataJSON": base64url(json.dumps(said).encode()),
            "authenticatorData": base64url(data),
            "signature": base64url(encode(b"no signature")),
            "userHandle": base64url(handle.encode()),
        }
        identity = base64url(b"an id of sixteen")
        sent = {"id": identity, "rawId": identity, "type": "public-key", "response": response}
        answer = client.post("/login/passkey", {"credential": json.dumps(sent), "next": "/account"}, follow=True)
        assert answer.redirect_chain[0][0] == "/login?next=%2Faccount"
        assert "could not be checked" in answer.content.decode()
    assert audited() == before


def test_challenges_are_counted(client: Client, settings: Settings) -> None:
    settings.MFA_RATE_LIMITS = {"webauthn_login": "2/m/ip"}
    answers = [client.get("/login/passkey", headers=JSON).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert client.get("/login/passkey")["Location"] == "/login"


def test_ids_of_passkeys_are_not_logged(viewer: User, caplog: pytest.LogCaptureFixture) -> None:
    assert add(reauthenticated(viewer)).status_code == 302
    assert b"an id of sixteen".hex() not in caplog.text


def test_no_one_reaches_the_passkeys_of_others(viewer: User, outsider: User, client: Client) -> None:
    assert add(reauthenticated(viewer)).status_code == 302
    pk = Authenticator.objects.get(user=viewer, type="webauthn").pk
    theirs = reauthenticated(outsider)
    for path in (f"{PAGE}/{pk}/name", f"{PAGE}/{pk}/remove"):
        assert theirs.get(path).status_code == theirs.post(path, {"name": "x"}).status_code == 404
        assert client.get(path).status_code == 302
    assert "Laptop" not in theirs.get(PAGE).content.decode()
    assert Authenticator.objects.filter(pk=pk).exists()


def test_someone_at_an_open_browser_takes_no_passkey_away(viewer: User) -> None:
    assert add(reauthenticated(viewer)).status_code == 302
    pk = Authenticator.objects.get(user=viewer, type="webauthn").pk
    client = signed_in(viewer)
    for path in (f"{PAGE}/{pk}/remove", f"{PAGE}/{pk}/name", "/account/2fa/recovery-codes/download"):
        for answer in (client.get(path), client.post(path, {"name": "x"})):
            assert answer["Location"].startswith("/account/reauthenticate"), path
    assert Authenticator.objects.get(pk=pk).wrap().name == "Laptop"


@pytest.mark.parametrize("path", ["/new", "/confirm"])
def test_adding_needs_a_proof_that_one_can_give(viewer: User, path: str) -> None:
    assert signed_in(viewer).get(f"{PAGE}{path}")["Location"].startswith("/account/reauthenticate")


@pytest.mark.parametrize(
    ("address", "origin", "offered"),
    [
        ("https://Pulse.example.org", "https://pulse.example.org", True),
        ("https://pulse.example.org:443", "https://pulse.example.org", True),
        ("https://pulse.example.org:8443", "https://pulse.example.org:8443", True),
        ("http://localhost:8000", "http://localhost:8000", True),
        ("http://pulse.example.org", "http://pulse.example.org", False),
        ("https://192.0.2.1", "https://192.0.2.1", False),
    ],
)
def test_the_public_address_is_the_relying_party(
    client: Client, viewer: User, settings: Settings, address: str, origin: str, offered: bool
) -> None:
    settings.PUBLIC_URL = address
    assert (relying_party_origin(), offers_passkeys()) == (origin, offered)
    assert relying_party_id() in origin
    assert ("Sign in by a passkey" in client.get("/login").content.decode()) is offered
    assert (f"{PAGE}/new" in signed_in(viewer).get(PAGE).content.decode()) is offered


def test_the_sign_in_page_has_no_inline_script(client: Client) -> None:
    page = client.get("/login")
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]
    assert "js/passkeys.js" in page.content.decode()

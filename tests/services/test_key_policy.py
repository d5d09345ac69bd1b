"""What bounds a key: scopes, a last day, networks; each refused in words for the one who holds the key."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog, User
from services import authentication, key_actions
from services.key_actions import KeyPolicy
from services.key_forms import NetworksField
from services.keys import hash_key, make_key
from services.models import ApiKey, Environment
from tests.services.conftest import SignedIn

LOGS, DEPLOYMENTS = "/api/v1/logs/ingest", "/api/v1/deployments"
BODIES = {LOGS: {"logs": [{"message": "hello"}]}, DEPLOYMENTS: {"commit_sha": "a" * 40, "status": "success"}}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    authentication._remembered.clear()


def issue(environment: Environment, **policy: Any) -> key_actions.IssuedKey:
    return key_actions.create_key(actor=None, environment=environment, policy=KeyPolicy(**policy))


def send(key: str, path: str = LOGS, address: str = "192.0.2.7") -> tuple[int, str]:
    """Return the answer's status, and what its error says."""
    response = Client(REMOTE_ADDR=address).post(
        path, json.dumps(BODIES[path]), content_type="application/json", headers={"x-api-key": key}
    )
    return response.status_code, response.json().get("error", {}).get("message", "")


@pytest.mark.parametrize(("scope", "path", "other"), [("logs", LOGS, DEPLOYMENTS), ("deployments", DEPLOYMENTS, LOGS)])
def test_a_key_does_what_its_scopes_say(production: Environment, scope: str, path: str, other: str) -> None:
    key = issue(production, scopes=[scope]).plain
    assert send(key, path)[0] in {200, 201}
    status, said = send(key, other)
    assert (status, f"may send {scope} only" in said) == (403, True)
    assert send(key, path)[0] in {200, 201}


def test_a_legacy_key_does_both(production: Environment) -> None:
    fresh = make_key()
    service = production.service
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO api_keys (id, org_id, service_id, environment_id, key_hash) VALUES (%s, %s, %s, %s, %s)",
            ["9f4fbe5e-6d1c-4f2a-9c6e-2f0f4e3b8a11", service.org_id, service.pk, production.pk, fresh.key_hash],
        )
    assert send(fresh.plain, LOGS)[0] == 200
    assert send(fresh.plain, DEPLOYMENTS)[0] == 201


def test_an_expired_key_says_so(production: Environment) -> None:
    issued = issue(production, expires_at=timezone.now() + timedelta(hours=1))
    assert send(issued.plain)[0] == 200
    ApiKey.objects.update(expires_at=timezone.now())
    for path in (LOGS, DEPLOYMENTS):  # the first by the scope that is remembered
        status, said = send(issued.plain, path)
        assert (status, "has expired" in said) == (403, True)


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::7", True),
        ("2001:db8::8", False),
        ("", False),
    ],
)
def test_a_key_is_bound_to_networks(production: Environment, address: str, is_let_in: bool) -> None:
    key = issue(production, networks=["192.0.2.0/24", "2001:db8::7"]).plain
    assert send(key, address="192.0.2.1")[0] == 200  # remembered from now on
    for path in (LOGS, DEPLOYMENTS):
        status, said = send(key, path, address)
        assert (status != 403) == is_let_in, said
        assert is_let_in or "may not be used from" in said


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:db8::7", "2001:db8::7/128"),
    ],
)
def test_an_address_that_is_made_of_another_is_that_one(typed: str, kept: str) -> None:
    """Clients are known by the plain one, so a key that was bound to ::ffff:192.0.2.7 was refused from 192.0.2.7."""
    assert NetworksField().to_python(typed) == [kept]


def test_a_stranger_learns_nothing(production: Environment) -> None:
    issue(production, networks=["192.0.2.0/24"], expires_at=timezone.now(), scopes=["logs"])
    for path in (LOGS, DEPLOYMENTS):
        assert send("pol_" + "0" * 64, path) == (403, "This API key is unknown or revoked.")


def test_a_revoked_key_says_no_more_than_an_unknown_one(production: Environment, admin: User) -> None:
    issued = issue(production, scopes=["logs"], networks=["192.0.2.0/24"])
    key_actions.revoke_key(actor=admin, key=issued.key)
    assert send(issued.plain, DEPLOYMENTS, "198.51.100.1") == (403, "This API key is unknown or revoked.")


@pytest.mark.parametrize("path", [LOGS, DEPLOYMENTS])
def test_the_last_address_is_kept(production: Environment, path: str) -> None:
    issued = issue(production)
    send(issued.plain, path, "2001:db8::9")
    issued.key.refresh_from_db()
    assert issued.key.last_address == "2001:db8::9"


def test_a_key_goes_over_to_the_new_salt_on_use(production: Environment, settings: Any) -> None:
    issued = issue(production)
    settings.API_KEY_SALT, settings.API_KEY_SALT_FALLBACK = "new", settings.API_KEY_SALT
    assert send(issued.plain)[0] == 200
    issued.key.refresh_from_db()
    assert issued.key.key_hash == hash_key(issued.plain)
    settings.API_KEY_SALT_FALLBACK = ""
    assert send(issued.plain)[0] == 200


def test_without_the_fallback_a_new_salt_ends_all_keys(production: Environment, settings: Any) -> None:
    issued = issue(production)
    settings.API_KEY_SALT = "new"
    assert send(issued.plain)[0] == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"networks": []},
        {"origins": []},
        {"origins": ["https://a"]},  # and may report deployments
    ],
)
def test_the_database_refuses_what_makes_no_sense(production: Environment, wrong: dict[str, Any]) -> None:
    key = issue(production).key
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(**wrong)


def fields(**changes: Any) -> dict[str, Any]:
    return {"label": "web servers", "rate_per_minute": "500", "scopes": ["logs"], **changes}


def test_the_page_binds_a_key(client_for: SignedIn, developer: User, key: ApiKey) -> None:
    client, url = client_for(developer), f"/services/{key.service_id}/keys/{key.pk}/edit"
    day = timezone.localdate() + timedelta(days=9)
    client.post(url, fields(expires_on=day.isoformat(), networks="10.1.2.3/8, 2001:db8::7\n192.0.2.1"))
    key.refresh_from_db()
    assert (key.scopes, key.networks) == (["logs"], ["10.0.0.0/8", "2001:db8::7/128", "192.0.2.1/32"])
    assert key.expires_at
    assert timezone.localdate(key.expires_at) == day + timedelta(days=1)
    changes = AuditLog.objects.get(action="api_key.updated").meta_json["changes"]  # type: ignore[index]
    assert changes["networks"] == [None, key.networks]
    assert changes["scopes"] == [["logs", "deployments"], ["logs"]]
    page = client.get(url).content.decode()
    assert f'value="{day.isoformat()}"' in page
    assert "10.0.0.0/8, 2001:db8::7/128" in page
    table = client.get(f"/services/{key.service_id}").content.decode()
    assert "logs only, from 10.0.0.0/8 and 2 more" in table


def test_the_page_makes_a_key_for_web_pages(client_for: SignedIn, developer: User, key: ApiKey) -> None:
    client, url = client_for(developer), f"/services/{key.service_id}/keys/{key.pk}/edit"
    typed = "HTTPS://Shop.Example.com/, http://localhost:3000 https://a.example:443\nhttp://[::1]:80"
    client.post(url, fields(origins=typed, rate_per_minute=""))
    key.refresh_from_db()
    assert key.origins == ["https://shop.example.com", "http://localhost:3000", "https://a.example", "http://[::1]"]
    changes = AuditLog.objects.get(action="api_key.updated").meta_json["changes"]  # type: ignore[index]
    assert changes["origins"] == [None, key.origins]
    assert "https://shop.example.com, http://localhost:3000" in client.get(url).content.decode()
    table = client.get(f"/services/{key.service_id}").content.decode()
    assert "browsers on https://shop.example.com and 3 more" in table
    assert "max 600/min" in table


def test_saving_the_page_as_it_is_changes_nothing(client_for: SignedIn, developer: User, key: ApiKey) -> None:
    expires_at = timezone.now() - timedelta(days=2)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=expires_at)
    day = timezone.localdate(expires_at)
    url = f"/services/{key.service_id}/keys/{key.pk}/edit"
    response = client_for(developer).post(url, fields(scopes=["logs", "deployments"], expires_on=day.isoformat()))
    assert response.status_code == 302
    key.refresh_from_db()
    assert key.expires_at == expires_at
    assert not AuditLog.objects.filter(action="api_key.updated").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scopes": []}, "Choose at least one."),
        ({"networks": "10.0.0.0/40"}, "10.0.0.0/40 is not an address or a network."),
        ({"networks": "fe80::1%eth0"}, "is not an address or a network."),
        ({"networks": "example.com"}, "example.com is not an address"),
        ({"networks": " ".join(f"10.0.0.{n}" for n in range(51))}, "At most 50 addresses"),
        ({"networks": "1" * 1_000_000}, "At most 50 addresses"),
        ({"origins": "shop.example.com"}, "shop.example.com is not an origin"),
        ({"origins": "https://shop.example.com/cart"}, "is not an origin"),
        ({"origins": "https://*.example.com"}, "is not an origin"),
        ({"origins": "https://a.example:99999"}, "is not an origin"),
        ({"origins": " ".join(f"https://{n}.example" for n in range(21))}, "At most 20 origins"),
        ({"origins": "x" * 1_000_000}, "At most 20 origins"),
        ({"origins": "https://a.example", "scopes": ["logs", "deployments"]}, "may send logs only"),
        ({"expires_on": "2020-01-01"}, "This day is in the past."),
        ({"expires_on": "9999-12-31"}, "less than or equal to"),
    ],
)
def test_what_makes_no_sense_is_said(
    client_for: SignedIn, developer: User, key: ApiKey, wrong: dict[str, Any], said: str
) -> None:
    url = f"/services/{key.service_id}/keys/{key.pk}/edit"
    response = client_for(developer).post(url, fields(**wrong))
    assert (response.status_code, said in response.content.decode()) == (200, True)


def test_a_rotated_key_is_bound_alike(admin: User, production: Environment) -> None:
    made = timedelta(days=30)
    bounds = {"scopes": ["logs"], "networks": ["192.0.2.0/24"], "origins": ["https://a.example"]}
    old = issue(production, **bounds, expires_at=timezone.now() + made).key
    old.refresh_from_db()
    new = key_actions.rotate_key(actor=admin, key=old, grace=timedelta(hours=1)).key
    assert (new.scopes, new.networks, new.origins) == (old.scopes, old.networks, old.origins)
    assert new.expires_at is not None
    assert abs(new.expires_at - timezone.now() - made) < timedelta(minutes=1)

"""POST /api/v1/deployments: any other CI tells of what it deploys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Org
from deployments.models import Deployment
from pulseops.core.extensions import AFTER_DEPLOYMENT
from services.keys import make_key
from services.models import ApiKey, Environment
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db
PATH = "/api/v1/deployments"


@pytest.fixture
def environment(org: Org) -> Environment:
    return make_service(org, "checkout").environments.get(name="production")


@pytest.fixture
def key(environment: Environment) -> str:
    fresh = make_key()
    service = environment.service
    ApiKey.objects.create(org=service.org, service=service, environment=environment, key_hash=fresh.key_hash)
    return fresh.plain


def send(key: str, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(PATH, content, content_type="application/json", headers={"x-api-key": key, **headers})


def test_a_deployment_in_one_request(environment: Environment, key: str) -> None:
    response = send(
        key,
        {
            "commit_sha": "9c1f0b7e52d8",
            "status": "success",
            "commit_message": "Retry once",
            "author": "Ada",
            "branch": "main",
            "url": "https://ci.example/42",
            "external_id": "42",
        },
    )
    deployment = Deployment.objects.get()
    assert response.status_code == 201
    assert response.json()["data"] == {
        "id": deployment.pk,
        "status": "success",
        "commit_sha": "9c1f0b7e52d8",
        "external_id": "42",
        "url": f"http://localhost:8000/deployments/{deployment.pk}",
    }
    assert (deployment.environment, deployment.org) == (environment, environment.service.org)
    assert (deployment.title, deployment.author, deployment.branch) == ("Retry once", "Ada", "main")
    assert deployment.finished_at
    assert ApiKey.objects.get().last_used_at


def test_its_status_moves_on(environment: Environment, key: str) -> None:
    told: list[Any] = []
    AFTER_DEPLOYMENT.add(told.append)
    try:
        statuses = ["pending", "pending", "failure", "failure", "pending"]
        answers = [send(key, {"commit_sha": "f00", "status": each, "external_id": "1"}) for each in statuses]
    finally:
        AFTER_DEPLOYMENT.added.remove(told.append)
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200]
    assert answers[-1].json()["data"]["status"] == "failure"
    deployment = Deployment.objects.get()
    assert deployment.duration_seconds is not None
    assert told == [environment.service.org_id]


def test_an_end_does_not_turn_into_another(key: str) -> None:
    send(key, {"commit_sha": "f00", "status": "success", "external_id": "1"})
    response = send(key, {"commit_sha": "f00", "status": "failure", "external_id": "1"})
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "CONFLICT"
    assert Deployment.objects.get().status == "success"


def test_without_external_id_each_is_another(key: str) -> None:
    for _ in range(2):
        assert send(key, {"commit_sha": "f00", "status": "success"}).status_code == 201
    assert Deployment.objects.count() == 2


def test_one_external_id_in_two_environments(environment: Environment, key: str) -> None:
    fresh = make_key()
    service = environment.service
    staging = service.environments.get(name="staging")
    ApiKey.objects.create(org=service.org, service=service, environment=staging, key_hash=fresh.key_hash)
    for each in (key, fresh.plain):
        assert send(each, {"commit_sha": "f00", "status": "success", "external_id": "1"}).status_code == 201


def test_bearer(key: str) -> None:
    response = Client().post(
        PATH,
        {"commit_sha": "f00", "status": "pending"},
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )
    assert response.status_code == 201


def test_who_may_not(key: str, db: None) -> None:
    body = {"commit_sha": "f00", "status": "success"}
    assert Client().post(PATH, body, content_type="application/json").status_code == 401
    assert send("pol_" + "0" * 64, body).status_code == 403
    ApiKey.objects.update(revoked_at=timezone.now())
    assert send(key, body).status_code == 403
    assert not Deployment.objects.exists()


def test_other_methods(client: Client) -> None:
    response = client.get(PATH)
    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"not JSON", 400, None),
        (b"", 400, None),
        (b"\xff", 400, None),
        (b"[" * 100_000, 400, ""),
        ([], 400, ""),
        ({}, 400, "commit_sha"),
        ({"commit_sha": "f00"}, 400, "status"),
        ({"commit_sha": "f00", "status": "done"}, 400, "status"),
        ({"commit_sha": "", "status": "success"}, 400, "commit_sha"),
        ({"commit_sha": "  ", "status": "success"}, 400, "commit_sha"),
        ({"commit_sha": 7, "status": "success"}, 400, "commit_sha"),
        ({"commit_sha": "f" * 101, "status": "success"}, 400, "commit_sha"),
        ({"commit_sha": "f00", "status": "success", "author": []}, 400, "author"),
        ({"commit_sha": "f00", "status": "success", "url": "javascript:alert(1)"}, 400, "url"),
        ({"commit_sha": "f00", "status": "success", "external_id": ""}, 400, "external_id"),
        ({"commit_sha": "f00", "status": "success", "commit_message": "x" * 300_000}, 413, None),
    ],
)
def test_what_is_wrong_is_named(key: str, body: Any, status: int, path: str | None) -> None:
    response = send(key, body)
    assert response.status_code == status
    details = response.json()["error"].get("details")
    assert (details[0]["path"] if details else None) == path
    assert not Deployment.objects.exists()


def test_nul_and_unknown_fields(key: str) -> None:
    assert send(key, {"commit_sha": "f\x00", "status": "success", "pipeline": 7}).status_code == 201
    assert Deployment.objects.get().commit_sha == "f\ufffd"


def test_not_json_by_its_type(key: str) -> None:
    response = Client().post(PATH, b"<a/>", content_type="text/xml", headers={"x-api-key": key})
    assert response.status_code == 415


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["commit_sha", "status", "commit_message", "author", "branch", "url", "external_id"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_nothing_breaks_it(key: str, body: dict[str, Any]) -> None:
    sent = {"commit_sha": "f00", "status": "success", **body}
    with override_settings(QUOTA_DEPLOYMENTS_PER_MINUTE=0):  # `make fuzz` sends more
        assert send(key, sent).status_code in {200, 201, 400, 409}

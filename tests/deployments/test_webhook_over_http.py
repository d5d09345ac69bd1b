"""GitHub's webhooks through a running server: each documented event, duplicates, many at once, and a kill midway."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.db import connection, transaction
from pytest_django.live_server_helper import LiveServer

from accounts.models import Org, User
from deployments.github.signatures import derive_secret
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from pulseops.core.db.advisory_locks import transaction_lock
from tests.deployments.github import PATH, SHA, encode, headers, payload, run_event, sign
from tests.deployments.web import serve
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def post(
    url: str, integration: GitHubIntegration, event: str, content: Any, *, delivery_id: str = "", secret: str = ""
) -> requests.Response:
    body = encode(content)
    signature = sign(body, secret or derive_secret(integration))
    sent = {**headers(event, signature, delivery_id), "Content-Type": "application/json"}
    return requests.post(url + PATH, data=body, headers=sent, timeout=30)


def test_each_event_comes_to_one_right_deployment(
    live_server: LiveServer, integration: GitHubIntegration, viewer: User, client_for: Any
) -> None:
    for event in ("ping", "push", "workflow_run", "deployment", "deployment_status"):
        for answer in ({"ok": True}, {"ok": True, "deduped": True}):
            response = post(live_server.url, integration, event, payload(event), delivery_id=f"delivery-{event}")
            assert (response.status_code, response.json()) == (200, {"data": answer})
            assert response.headers["x-correlation-id"]
    page = client_for(viewer).get("/deployments")
    cards = [card.deployment for lane in page.context["lanes"] for card in lane.cards]
    assert [(each.commit_sha, each.status, each.environment.name) for each in cards] == [(SHA, "success", "production")]
    assert "Retry a payment once when the provider times out" in page.content.decode()


def test_wrong_signatures_are_401(live_server: LiveServer, integration: GitHubIntegration) -> None:
    assert post(live_server.url, integration, "push", payload("push"), secret="wrong").status_code == 401
    for signature in ("", "sha256=ABC", "sha256=" + "F" * 64, "x" * 4_000):
        response = requests.post(live_server.url + PATH, data=b"{}", headers={**headers("push", signature)}, timeout=30)
        assert (response.status_code, response.json()) == (401, {"error": "Invalid signature"})


@pytest.mark.parametrize("same_delivery", [True, False])
def test_six_at_once_make_one_deployment(
    live_server: LiveServer, integration: GitHubIntegration, same_delivery: bool
) -> None:
    start = threading.Barrier(6)

    def send(number: int) -> Any:
        start.wait()
        delivery_id = "delivery" if same_delivery else f"delivery-{number}"
        content = run_event("completed", conclusion="success")
        return post(live_server.url, integration, "workflow_run", content, delivery_id=delivery_id).json()["data"]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert Deployment.objects.get().status == "success"
    assert sum("deduped" in answer for answer in answers) == (5 if same_delivery else 0)
    assert WebhookEffect.objects.count() == WebhookDelivery.objects.count() == (1 if same_delivery else 6)


def test_all_events_of_a_run_at_once(live_server: LiveServer, integration: GitHubIntegration) -> None:
    events = [
        ("push", payload("push")),
        ("workflow_run", run_event("requested")),
        ("workflow_run", run_event("in_progress")),
        ("workflow_run", run_event("completed", conclusion="success")),
        ("deployment", payload("deployment")),
        ("deployment_status", payload("deployment_status")),
    ]
    start = threading.Barrier(len(events))

    def send(event: tuple[str, Any]) -> int:
        start.wait()
        return post(live_server.url, integration, *event).status_code

    with ThreadPoolExecutor(len(events)) as pool:
        assert set(pool.map(send, events)) == {200}
    assert Deployment.objects.get().status == "success"


def others_waiting() -> int:
    """Count the sessions of this database that wait for an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return int(cursor.fetchone()[0])


def sessions_in_a_transaction() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND xact_start IS NOT NULL AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.timeout(90)
def test_killed_between_receipt_and_commit(integration: GitHubIntegration, org: Org) -> None:
    """The server dies when its transaction has written the delivery and waits to write the deployment."""
    delivery_id, database = str(uuid.uuid4()), str(connection.settings_dict["NAME"])
    production = integration.service.environments.get(name="production")

    def send(url: str) -> requests.Response | None:
        try:
            return post(url, integration, "workflow_run", payload("workflow_run"), delivery_id=delivery_id)
        except requests.ConnectionError:
            return None

    with serve(database) as web, ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            transaction_lock(f"deployment:{production.pk}:{SHA}")
            answer = pool.submit(send, web.url)
            wait_until(others_waiting)
            web.kill()
            assert answer.result() is None
        wait_until(lambda: not sessions_in_a_transaction())
    for model in (WebhookDelivery, WebhookEffect, Deployment):
        assert not model._default_manager.exists()

    with serve(database) as web:
        response = send(web.url)
        assert response is not None
        assert response.json() == {"data": {"ok": True}}
    assert Deployment.objects.get().status == "success"

"""The cron endpoints, as outside schedulers know them: paths, header, status codes, bodies."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Org
from pulseops.core.models import CronRun
from tests.support import receivers
from tests.support.alerting import make_channel, make_rule, tell

pytestmark = pytest.mark.django_db
INTERNAL = [f"/api/internal/cron/{name}" for name in ("evaluate", "notifications", "cleanup")]
VERSIONED = ["/api/v1/rules/evaluate", "/api/v1/notifications/process"]
CLEANUP = "/api/internal/logs/cleanup"
EVERY = [*INTERNAL, *VERSIONED, CLEANUP]


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    settings.INTERNAL_CRON_SECRET = "tests"


def post(path: str, secret: str | None = "tests") -> Any:
    return Client().post(path, headers={} if secret is None else {"x-internal-cron-secret": secret})


@pytest.mark.parametrize("path", EVERY)
def test_it_runs_with_the_secret(path: str) -> None:
    answer = post(path)
    assert answer.status_code == 200
    assert set(answer.json()) == ({"success", "data"} if path in INTERNAL else {"data"})


@pytest.mark.parametrize("path", EVERY)
def test_only_post_is_allowed(path: str) -> None:
    answer = Client().get(path, headers={"x-internal-cron-secret": "tests"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", EVERY)
def test_without_a_configured_secret_it_is_unavailable(path: str, settings: Settings) -> None:
    settings.INTERNAL_CRON_SECRET = ""
    assert post(path, "").status_code == 503


@pytest.mark.parametrize("path", INTERNAL)
def test_internal_refusals(path: str) -> None:
    missing, wrong = post(path, None), post(path, "grüße")
    assert (missing.status_code, missing.json()) == (
        401,
        {"error": "Unauthorized", "message": "Missing cron credentials"},
    )
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid cron credentials")


@pytest.mark.parametrize("path", VERSIONED)
@pytest.mark.parametrize("secret", [None, "wrong"])
def test_versioned_refusals(path: str, secret: str | None) -> None:
    answer = post(path, secret)
    assert answer.status_code == 401
    assert answer.json()["error"] == {"code": "UNAUTHORIZED", "message": "Invalid cron secret"}


@pytest.mark.parametrize("secret", [None, "wrong"])
def test_cleanup_refusals(secret: str | None) -> None:
    answer = post(CLEANUP, secret)
    assert (answer.status_code, answer.json()) == (
        401,
        {"error": "Unauthorized", "message": "Missing or invalid secret"},
    )


def test_evaluate_says_what_it_did(org: Org) -> None:
    make_rule(org)
    assert post(INTERNAL[0]).json()["data"] == {
        "evaluated": 1, "triggeredCount": 0, "incidentsCreated": 0, "incidentsUpdated": 0, "triggeredRules": [],
    }  # fmt: skip
    assert CronRun.objects.filter(job_name="evaluate_alerts", status="success").count() == 1


def test_notifications_says_what_became_of_each(org: Org, settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    with receivers.receiver(receivers.answer(404, b"no_team")) as server:
        make_channel(org, server.url)
        (job,) = tell(org)
        assert post(VERSIONED[1]).json()["data"] == {
            "processed": 1,
            "results": [{"id": str(job.pk), "status": "failed", "error": "The receiver answered 404: no_team"}],
        }


def test_cleanup_says_how_many_and_when() -> None:
    assert set(post(CLEANUP).json()["data"]) == {"deleted", "timestamp"}

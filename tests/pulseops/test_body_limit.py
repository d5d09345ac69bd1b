"""Bodies that no page takes: they are refused before anything looks into them, signed in or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as product
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Session, User
from tests.support.cpu import BUDGET_SECONDS, cpu_of

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
MEGABYTE = 1024 * 1024


@pytest.fixture
def stranger() -> Client:
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.mark.parametrize("path", ["/login", "/signup", "/password/reset", "/orgs", "/nowhere", "/admin/login/", "/"])
def test_more_than_a_megabyte_is_refused(stranger: Client, path: str) -> None:
    """At e4c1cee eight of 25 MB left 1.6 GB behind in the web processes."""
    stranger.get("/login")  # what a process does once is no part of it
    stranger.cookies.clear()
    response, seconds = cpu_of(stranger.post, path, b"name=" + b"a" * 25 * MEGABYTE, content_type=FORM)
    assert response.status_code == 413
    assert "This is too much at once" in response.text
    assert not response.cookies
    assert not Session.objects.exists()
    assert seconds < BUDGET_SECONDS / 4


def test_a_megabyte_is_read(client_for: Callable[[User], Client], developer: User) -> None:
    body = b"name=".ljust(product.PAGE_MAX_BYTES, b"a")
    response = client_for(developer).post("/services/new", body, content_type=FORM)
    assert "at most 100 characters" in response.text


def test_a_lie_about_the_length_reads_no_more(stranger: Client) -> None:
    response = stranger.post("/login", b"login=" + b"a" * 2 * MEGABYTE, content_type=FORM, CONTENT_LENGTH="10")
    assert response.status_code == 403  # read as far as was said: it has no token


@pytest.mark.parametrize("path", ["/login", "/signup", "/nowhere"])
def test_a_body_without_a_length_is_refused(stranger: Client, path: str) -> None:
    response = stranger.post(path, b"a", content_type=FORM, headers={"transfer-encoding": "chunked"})
    assert response.status_code == 411
    assert "how long" in response.text


@pytest.mark.parametrize("path", ["/login", "/services/new", "/orgs"])
def test_no_form_takes_a_file(
    client_for: Callable[[User], Client], developer: User, path: str, settings: Any, tmp_path: Any
) -> None:
    """At e4c1cee it went to /tmp, 492 MB of one connection in 28 s."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    client = client_for(developer)
    client.raise_request_exception = False
    response = client.post(path, {"a": SimpleUploadedFile("a.txt", b"x" * 900_000)})
    assert response.status_code == 400
    assert not [*tmp_path.iterdir()]


def test_forms_of_parts_without_files_are_taken(client_for: Callable[[User], Client], developer: User) -> None:
    assert client_for(developer).post("/services/new", {"name": "api", "retention_days": "7"}).status_code == 302


def test_machines_get_json(stranger: Client) -> None:
    response = stranger.post("/api/nowhere", b"a" * 2 * MEGABYTE, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/v1/deployments", 256 * 1024), ("/api/v1/github/webhook", MEGABYTE), ("/api/v1/logs/ingest", 5 * MEGABYTE)],
)
def test_machine_routes_have_limits_of_their_own(stranger: Client, path: str, limit: int) -> None:
    """Without a key, or a signature that could be one, nothing is read at all."""
    body = b"a" * (limit + 1)
    response, seconds = cpu_of(stranger.post, path, body, content_type="application/json")
    assert response.status_code in {400, 401}
    assert seconds < BUDGET_SECONDS / 10

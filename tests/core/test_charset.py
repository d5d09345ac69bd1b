"""A charset that a request claims: it changes nothing, and is no error."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory

from pulseops.core.web.wsgi_request import Utf8Request
from pulseops.wsgi import application

FORM = "application/x-www-form-urlencoded"
CODECS = ("rot13", "undefined", "hex", "utf-16", "utf-7", "idna", "no-such", "UTF-8", "latin-1")


def environment(codec: str, path: str = "/") -> dict[str, Any]:
    body, kind = b"a=%C3%A9", f"{FORM}; charset={codec}"
    made = RequestFactory().generic("POST", path).environ
    return {
        **made,
        "QUERY_STRING": "q=%C3%A9",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }


@pytest.mark.parametrize("codec", CODECS)
def test_query_and_form_are_utf_8(codec: str) -> None:
    request = Utf8Request(environment(codec))
    assert (request.GET["q"], request.POST["a"]) == ("é", "é")
    assert request.content_params["charset"] == codec


@pytest.mark.django_db
@pytest.mark.parametrize("codec", CODECS)
def test_the_application_answers_as_without_one(codec: str) -> None:
    statuses: list[str] = []
    application(environment(codec, "/api/v1/logs/ingest"), lambda status, headers, error=None: statuses.append(status))
    assert statuses == ["401 Unauthorized"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/login", "/no-such-page", "/logs", "/static/none.css", "/api/health", "/admin/"]
)
def test_too_many_parameters_are_refused_once(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each page of an error looked at them again: a 500, and a quarter of a megabyte in the log, for any stranger."""
    statuses: list[str] = []
    made = {**RequestFactory().get(path).environ, "QUERY_STRING": "&".join(["q=a"] * 1_001)}
    body = b"".join(application(made, lambda status, *_: statuses.append(status)))
    assert statuses == ["200 OK"] if path == "/api/health" else ["400 Bad Request"]
    assert b"Internal Server Error" not in body
    assert len(caplog.text) < 30_000

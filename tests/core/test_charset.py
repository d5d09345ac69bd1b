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

"""A key of one environment, and a client that sends with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Org
from services.models import Environment
from tests.factories import make_key, make_service
from tests.installation import Installation

URL = "/api/v1/logs/ingest"
Send = Callable[..., Any]


@pytest.fixture
def environment(org: Org) -> Environment:
    return make_service(org, "api", environments=("production",)).environments.get()


@pytest.fixture
def api_key(environment: Environment) -> str:
    return make_key(environment)


@pytest.fixture
def send(api_key: str) -> Send:
    """Give a function that posts a body, bytes or what is to be JSON; `headers` add to the key's."""

    def post(body: Any, *, content_type: str = "application/json", **headers: str) -> HttpResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(raise_request_exception=False).post(  # type: ignore[return-value]
            URL, content, content_type=content_type, headers={"x-api-key": api_key, **names}
        )

    return post


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    """A whole installation; those who ask for it run in one process, by `xdist_group("installation")`."""
    installation = Installation(INGEST_BODY_SECONDS="1")
    yield installation
    installation.close()

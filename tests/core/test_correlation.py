from __future__ import annotations

import uuid

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from pulseops.core.web.correlation import CorrelationMiddleware, client_address, correlated, correlation_id


@pytest.mark.parametrize("given", ["a", "req-1:2.3_4", "x" * 128])
def test_well_formed_id_comes_back(client: Client, given: str) -> None:
    assert client.get("/api/health", headers={"x-correlation-id": given}).headers["x-correlation-id"] == given


@pytest.mark.django_db  # the end of a request looks at its connections
@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ü", "a\nb"])
def test_other_ids_are_replaced_by_a_uuid(given: str) -> None:
    request = RequestFactory().get("/", headers={"x-correlation-id": given})
    response = CorrelationMiddleware(lambda _: HttpResponse())(request)
    response.close()
    assert uuid.UUID(response.headers["x-correlation-id"])


@pytest.mark.django_db
def test_id_is_known_during_the_request_and_not_after() -> None:
    seen: list[str | None] = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.append(correlation_id())
        return HttpResponse()

    CorrelationMiddleware(view)(RequestFactory().get("/", headers={"x-correlation-id": "abc"})).close()
    assert seen == ["abc"]
    assert correlation_id() is None


@pytest.mark.django_db
def test_what_django_logs_of_a_failed_request_carries_it(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str | None] = []
    caplog.handler.addFilter(lambda record: seen.append(correlation_id()) or True)
    client.get("/readyz", headers={"x-correlation-id": "abc"})
    assert seen == ["abc"]


def test_job_runs_under_the_id_it_was_enqueued_with() -> None:
    with correlated("from-request") as identifier:
        assert correlation_id() == identifier == "from-request"
        with correlated() as inner:
            assert inner == "from-request"
    assert correlation_id() is None


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "1.2.3.4", "10.0.0.9"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (2, "1.2.3.4", "10.0.0.9"),
        (1, "1.2.3.4:5678", "1.2.3.4"),
        (1, "[2001:DB8::1]:5678", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", "10.0.0.9"),
    ],
)
def test_client_address_trusts_only_our_proxies(
    settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded}, REMOTE_ADDR="10.0.0.9")
    assert client_address(request) == expected

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from pytest_django.fixtures import Settings

from services.links import explorer_url
from services.models import Environment, Service


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path("", include(([path("logs", page, name="explorer")], "logs")))]


@pytest.mark.parametrize(
    ("service", "environment", "query"),
    [
        ("api", "production", "service:api env:production"),
        ("checkout-api.v2", "eu_1", "service:checkout-api.v2 env:eu_1"),
        ("my api", "a:b", 'service:"my api" env:"a:b"'),
        ('the "best"', r"C:\x", r'service:"the \"best\"" env:"C:\\x"'),
    ],
)
def test_leads_to_the_logs_of_an_environment(settings: Settings, service: str, environment: str, query: str) -> None:
    settings.ROOT_URLCONF = __name__
    address = urlsplit(explorer_url(Service(name=service), Environment(name=environment)))
    assert address.path == "/logs"
    assert parse_qs(address.query) == {"q": [query]}


def test_leads_to_the_logs_of_a_service(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    assert explorer_url(Service(name="api")) == "/logs?q=service%3Aapi"


def test_leads_nowhere_where_no_logs_are_shown(settings: Settings) -> None:
    settings.ROOT_URLCONF = "pulseops.core.urls"
    assert explorer_url(Service(name="api")) == ""

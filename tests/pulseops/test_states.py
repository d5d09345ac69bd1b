"""The same state has the same word, the same colour and the same shape on every page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from incidents.models import Incident
from pulseops.core.ui.states import style_of
from services.models import ApiKey, Service
from tests.pulseops.test_dashboard import deploy, fill, incident, log, production
from tests.support.factories import make_key, make_service

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
_STATUS = re.compile(r'<span class="status tone-(\w+)"><svg [^>]*><use href="[^"]*#([\w-]+)"/></svg>([^<]*)</span>')
STATES = {
    "failing": "Failing",
    "degraded": "Degraded",
    "healthy": "Healthy",
    "silent": "Silent",
    "waiting": "Waiting for the first log",
    "off": "No active key",
}


def in_state(org: Org, state: str) -> Service:
    service = make_service(org, state)
    environment = production(service)
    if state == "off":
        return service
    make_key(environment)
    if state != "waiting":
        log(environment, at=timezone.now() - timedelta(hours=5 if state == "silent" else 0))
    if state in {"failing", "degraded"}:
        incident(environment, f"{state} burns", severity="high" if state == "failing" else "med")
    return service


def statuses(html: str) -> list[tuple[str, str, str]]:
    """Return what a page says of states: (word, tone, shape)."""
    return [(word, tone, shape) for tone, shape, word in _STATUS.findall(html)]


@pytest.mark.parametrize("state", STATES)
def test_a_services_state_is_the_same_on_every_page(org: Org, viewer: User, client_for: SignIn, state: str) -> None:
    service, client, look = in_state(org, state), client_for(viewer), style_of(state)
    expected = (STATES[state], look.tone, look.icon)
    for path in ("/dashboard", "/services", f"/services/{service.pk}"):
        assert expected in statuses(client.get(path).text), path
        words = {word for word, _, _ in statuses(client.get(path).text)} & set(STATES.values())
        # Its environments have states of their own: staging has no key; of production only the use of keys is known.
        assert words <= {STATES[state], STATES["off"], STATES["waiting"]}


def test_the_list_and_the_page_say_why(org: Org, viewer: User, client_for: SignIn) -> None:
    service, client = in_state(org, "failing"), client_for(viewer)
    incident(production(service), "It also creaks", severity="low")
    url = f"/incidents/{Incident.objects.get(title='failing burns').pk}"
    listed = client.get("/services").text
    assert f'<a class="link" href="{url}">failing burns</a> <span class="muted">and 1 more</span>' in listed
    assert f'href="{url}"' in client.get(f"/services/{service.pk}").text


def test_what_needs_a_look_comes_first(org: Org, viewer: User, client_for: SignIn) -> None:
    for state in ("waiting", "silent", "healthy", "degraded", "failing"):
        in_state(org, state)
    listed = client_for(viewer).get("/services").text
    order = re.findall(r'class="row-link" href="[^"]*">(\w+)<', listed)
    assert order == ["failing", "degraded", "silent", "healthy", "waiting"]


def test_a_service_page_shows_its_day(org: Org, viewer: User, client_for: SignIn) -> None:
    service, other = make_service(org, "mine"), make_service(org, "other")
    log(production(service), level="error", count=3)
    log(production(service), count=4)
    log(production(other), count=50)
    deploy(production(service), commit_message="Retry charges")
    html = client_for(viewer).get(f"/services/{service.pk}").text
    assert re.search(r"Errors in 24 hours</span><span[^>]*>3</span><span[^>]*>of 7 logs", html)
    assert "Last 24 hours" in html
    assert "Retry charges" in html
    assert "Last 24 hours" not in client_for(viewer).get(f"/services/{make_service(org, 'new').pk}").text


def test_a_word_has_one_look(org: Org, admin: User, client_for: SignIn) -> None:
    services = [in_state(org, state) for state in STATES]
    service = fill(org, "busy")
    environment = production(service)
    for status in ("pending", "failure"):
        deploy(environment, status=status)
    for status in ("investigating", "resolved"):
        incident(environment, status=status, resolved_at=timezone.now() if status == "resolved" else None)
    ApiKey.objects.filter(environment=environment).update(revoked_at=timezone.now())
    live = Incident.objects.filter(service=service).first()
    paths = ["/dashboard", "/services", "/incidents?state=all", "/deployments", "/alerts", "/settings/notifications"]
    paths += ["/settings/diagnostics", f"/incidents/{live.pk if live else 0}", "/orgs/members"]
    looks = defaultdict(set)
    client = client_for(admin)
    for path in [*paths, *(f"/services/{each.pk}" for each in [*services, service])]:
        for word, tone, shape in statuses(client.get(path).text):
            looks[word].add((tone, shape))
    assert len(looks) > 15
    assert {word: sorted(each) for word, each in looks.items() if len(each) > 1} == {}

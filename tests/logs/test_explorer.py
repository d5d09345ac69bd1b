"""The explorer's page: who may see it, what it shows, and that no input whatever breaks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from deployments.models import Deployment
from incidents.models import Incident
from logs.cursor import LogCursor
from logs.models import LogEntry
from services.models import Service
from tests.support.factories import make_log, make_service

ClientFor = Callable[[User], Client]


def page(client: Client, query: str = "", **headers: str) -> str:
    response = client.get(f"/logs?{query}", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_it_asks_for_a_session(service: Service, settings: Any) -> None:
    settings.LOGIN_URL = "/login"
    assert Client().get("/logs")["Location"].startswith("/login")


def test_an_outsider_sees_nothing_of_it(client_for: ClientFor, outsider: User, service: Service) -> None:
    log = make_log(service, "our secret")
    seen = page(client_for(outsider), f"q=service:{service.pk}&row={address(log)}")
    assert "our secret" not in seen
    assert "No service is called" in seen
    assert "This log was deleted" in seen
    assert "drawer--open" in seen
    assert client_for(outsider).get(f"/logs/{address(log)}").status_code == 404


def test_a_viewer_sees_logs_newest_first(client: Client, service: Service) -> None:
    now = timezone.now()
    for age in (3, 1, 2):
        make_log(service, f"line {age}", ts=now - timedelta(seconds=age), level="error")
    seen = page(client)
    assert [seen.index(f"line {age}") for age in (1, 2, 3)] == sorted(seen.index(f"line {age}") for age in (1, 2, 3))
    assert "<strong>3 logs</strong>" in seen
    assert "complete" in seen


@pytest.mark.django_db(transaction=True)  # a test inside a transaction would need savepoints as well
def test_it_asks_twelve_queries_at_most_however_many_rows(
    client: Client, service: Service, django_assert_max_num_queries: Any
) -> None:
    for _ in range(2):
        make_log(service, "few")
    page(client)
    with django_assert_max_num_queries(12):
        page(client)
    for _ in range(20):
        make_log(make_service(service.org), "many")
    with django_assert_max_num_queries(12):
        page(client)


@pytest.mark.parametrize("path", ["/logs", "/logs/0-1"])
def test_other_methods_are_refused(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_a_line_from_a_clock_that_is_ahead_is_seen(client: Client, service: Service) -> None:
    make_log(service, "from the future", ts=timezone.now() + timedelta(hours=23))
    assert "from the future" in page(client)


def test_filters_stand_as_pills_and_facets(client: Client, service: Service) -> None:
    make_log(service, "GET /orders 500", level="error", meta_json={"status": 500})
    make_log(service, "GET /health 200")
    seen = page(client, f"q={quote('level:error -health')}")
    assert "/orders" in seen
    assert "/health" not in seen.split("data-logs")[1].split("</ol>")[0]
    assert 'aria-label="Drop level error"' in seen
    assert 'href="/logs?q=-health"' in seen
    assert "status" in seen.split(">Fields</h2>")[1]


def test_a_mistake_keeps_the_last_good_result(client: Client, service: Service) -> None:
    make_log(service, "still here")
    seen = page(client, f"q={quote('still (')}&good=still")
    assert "This bracket is not closed." in seen
    assert "<mark>still</mark> here" in seen
    assert 'value="still ("' in seen
    alone = page(client, f"q={quote('still (')}")
    assert "This bracket is not closed." in alone
    assert "Nothing was searched" in alone
    assert "log-chart__line" not in alone  # which would say "0 logs, complete"
    assert "data-logs" not in alone


def test_pages_go_on_where_the_last_one_ended(client: Client, service: Service) -> None:
    now = timezone.now()
    for number in range(150):
        make_log(service, f"<{number:03}>", ts=now - timedelta(seconds=number // 40))
    first = page(client)
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = page(client, older.split("?")[1])
    numbers = [f"&lt;{number:03}&gt;" for number in range(150)]
    assert [number in first for number in numbers].count(True) == 100
    assert all((number in first) != (number in second) for number in numbers)
    assert "the end of the range" in second


def test_the_drawer_shows_one_log(client: Client, service: Service) -> None:
    log = make_log(
        service, "boom\nat line 2", meta_json={"user": {"id": 7}, "level": "x"}, trace_id="t-9", request_id="r-9"
    )
    seen = page(client, f"row={address(log)}")
    assert "drawer--open" in seen
    assert "user.id" in seen
    assert 'href="/logs?q=user.id:7"' in seen
    assert 'href="/logs?q=-user.id:7"' in seen
    assert 'href="/logs?q=meta.level:x"' in seen
    assert "q=trace:t-9" in seen
    assert "&quot;request_id&quot;: &quot;r-9&quot;" in seen


def test_htmx_gets_the_drawer_alone(client: Client, service: Service) -> None:
    log = make_log(service, "boom")
    seen = page(client, f"row={address(log)}", hx_request="true", hx_target="drawer")
    assert seen.strip().startswith("<aside")
    assert "boom" in seen


def test_a_log_has_a_page_of_its_own_with_its_neighbours(client: Client, service: Service) -> None:
    now = timezone.now()
    before = make_log(service, "just before", ts=now)
    log = make_log(service, "the one", ts=now)
    make_log(service, "just after", ts=now)
    make_log(service, "elsewhere", ts=now, environment="staging")
    response = client.get(f"/logs/{address(log)}")
    seen = response.content.decode()
    assert response.status_code == 200
    assert seen.index("just after") < seen.index(f'data-log="{address(log)}"') < seen.index("just before")
    assert "elsewhere" not in seen
    assert f'href="/logs/{address(before)}"' in seen


def test_a_message_is_shown_as_a_terminal_would(client: Client, service: Service) -> None:
    log = make_log(service, "\x1b[1;31mcharge failed\x1b[0m")
    make_log(service, " \t ")
    seen = page(client, f"row={address(log)}")
    assert seen.count(">charge failed<") >= 2  # in the list and beside it
    assert "u001b[1;31mcharge" in seen  # the raw JSON has what was sent
    assert "only spaces" in seen


def test_of_a_tall_message_the_wrapped_list_shows_the_beginning_or_what_matched(
    client: Client, service: Service
) -> None:
    make_log(service, "Traceback\n" + "  at somewhere\n" * 98 + "DeadlockDetected")
    assert "100 lines" in page(client, "wrap=1")
    found = page(client, "wrap=1&q=DeadlockDetected")
    assert "<mark>DeadlockDetected</mark>" in found
    assert "100 lines" not in found


def test_markup_in_a_log_stays_text(client: Client, service: Service) -> None:
    log = make_log(service, "<script>alert(1)</script>", meta_json={"<b>": "<i>"}, trace_id="<u>")
    seen = page(client, f"q={quote('<script> alert')}&row={address(log)}&cols=trace,{quote('<b>')}")
    for tag in ("<script>alert", "<b>", "<i>", "<u>"):
        assert tag not in seen
    assert "<mark>&lt;script&gt;</mark><mark>alert</mark>(1)" in seen


def address(log: LogEntry) -> str:
    return str(LogCursor(log.ts, log.pk))


def test_deployments_and_incidents_stand_over_the_histogram_and_lead_there(client: Client, service: Service) -> None:
    now = timezone.now()
    make_log(service, "hello")
    where = {"org": service.org, "service": service, "environment": service.environments.get(name="production")}
    done = {"commit_sha": "abc1234", "status": "failure", "started_at": now - timedelta(minutes=9)}
    deployment = Deployment.objects.create(**where, **done, finished_at=now - timedelta(minutes=8))
    incident = Incident.objects.create(**where, title="Payments fail", severity="high", status="open", source="manual")
    seen = page(client)
    assert f'<a href="/deployments/{deployment.pk}" class="tone-error">' in seen
    assert f'<a href="/incidents/{incident.pk}"' in seen
    assert "Payments fail</title>" in seen
    elsewhere = page(client, "q=env:staging")
    assert f"/deployments/{deployment.pk}" not in elsewhere
    assert f"/incidents/{incident.pk}" not in elsewhere


def test_of_many_services_the_busiest_and_the_chosen_stand_first(client: Client, service: Service) -> None:
    for number in range(14):
        make_service(service.org, f"s{number:02}")
    busy = service.org.services.get(name="s13")
    make_log(busy, "hello")
    facet = page(client, "q=service:s12").split(">Service<")[1].split("</section>")[0]
    shown, others = facet.split("3 more")
    assert shown.index("Only s12") < shown.index("Only s13") < shown.index("Only s00")
    assert others.count('name="only"') == 3

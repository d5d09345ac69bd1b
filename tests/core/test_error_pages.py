from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.support.factories import make_org

pytestmark = pytest.mark.urls("tests.core.frame_urls")
ID = "test-1234"


@pytest.fixture
def visitor() -> Client:
    """Someone who is not signed in; errors come back as pages. No test of it has a database."""
    return Client(raise_request_exception=False, headers={"x-correlation-id": ID})


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/fail/400", 400, "Bad request"),
        ("/fail/403", 403, "This needs the role admin."),
        ("/fail/403-bare", 403, "Your role in this organisation does not include it."),
        ("/nowhere", 404, "There is nothing here"),
        ("/fail/405", 405, "This address is not a page"),
        ("/fail/429", 429, "Too many tries"),
        ("/fail/500", 500, "Something broke on our side"),
        ("/fail/503", 503, "PulseOps cannot reach its database"),
    ],
)
def test_people_get_a_page_with_the_id_and_a_way_back(visitor: Client, path: str, status: int, words: str) -> None:
    response = visitor.get(path)
    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert words in response.text
    assert f'<code id="correlation-id">{ID}</code>' in response.text
    assert 'href="/"' in response.text
    assert "secret detail" not in response.text
    assert response["x-correlation-id"] == ID


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/fail/400", 400, "BAD_REQUEST"),
        ("/api/fail/403", 403, "FORBIDDEN"),
        ("/api/nowhere", 404, "NOT_FOUND"),
        ("/api/fail/429", 429, "RATE_LIMITED"),
        ("/api/fail/500", 500, "INTERNAL_ERROR"),
        ("/api/fail/503", 503, "UNAVAILABLE"),
    ],
)
def test_machines_get_json(visitor: Client, path: str, status: int, code: str) -> None:
    response = visitor.get(path)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.json()["correlationId"] == ID


@pytest.mark.parametrize("path", ["/fail/503", "/api/fail/503"])
def test_a_database_that_is_away_is_worth_another_try(visitor: Client, path: str) -> None:
    assert visitor.get(path)["Retry-After"] == "10"


def test_a_form_without_its_token_is_refused_with_an_explanation() -> None:
    response = Client(enforce_csrf_checks=True).post("/preferences/theme", {"theme": "dark"})
    assert response.status_code == 403
    assert "This form is too old to be sent" in response.text


def test_members_keep_their_bar(admin: User, client_for: Callable[[User], Client]) -> None:
    response = client_for(admin).get("/nowhere")
    assert response.status_code == 404
    assert 'class="bar__link"' in response.text
    assert "csrfmiddlewaretoken" in response.text


def test_a_broken_page_asks_the_database_for_nothing(
    admin: User, client_for: Callable[[User], Client], django_assert_max_num_queries: Callable[..., object]
) -> None:
    client = client_for(admin)
    client.raise_request_exception = False
    client.get("/nowhere")
    with django_assert_max_num_queries(4):  # type: ignore[attr-defined]  # session, person, memberships
        assert client.get("/fail/500").status_code == 500


def test_an_address_for_forms_says_so_and_keeps_the_bar(admin: User, client_for: Callable[[User], Client]) -> None:
    response = client_for(admin).get("/fail/405")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert 'class="bar__link"' in response.text


def test_members_of_several_organisations_see_where_else_it_may_be(
    admin: User, client_for: Callable[[User], Client]
) -> None:
    make_org("Second", admin=admin)
    assert "another organisation than Acme: the switcher" in client_for(admin).get("/nowhere").text

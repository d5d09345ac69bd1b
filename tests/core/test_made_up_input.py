"""Values that no row can have, in the Django admin's lists: each is a bad request."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from pulseops.core.web.preferences import safe_next
from tests.support.sign_in import signed_in


@pytest.mark.django_db
def test_what_cannot_be_is_a_bad_request() -> None:
    client = signed_in(User.objects.create_superuser("root@example.com", "a long enough password"))
    assert client.get("/admin/accounts/membership/?role__exact=%00").status_code == 400
    for listing in ("accounts/membership", "services/apikey", "incidents/incident"):  # a number, an UUID
        chosen = {"action": "delete_selected", "index": "0", "_selected_action": "csv"}
        answer = client.post(f"/admin/{listing}/", chosen)
        assert answer.status_code == 400, listing


@pytest.mark.django_db
def test_a_search_for_many_words_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """Sixty thousand of them held the database for minutes."""
    client = signed_in(User.objects.create_superuser("root@example.com", "a long enough password"))
    for listing in ("deployments/deployment", "core/cronrun"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/admin/{listing}/", {"q": "a b " * 20_000}).status_code == 200
        assert max(len(each["sql"]) for each in queries) < 100_000
    chosen = {"action": "delete_selected", "index": "0", "_selected_action": "x" * 100_000}
    assert client.post("/admin/services/apikey/", chosen).status_code == 400
    assert len(caplog.text) < 10_000


@pytest.mark.parametrize("target", ["a OR", "no-such-route", "", "//evil.example/", "http://evil.example/"])
def test_a_next_that_is_not_an_address_is_not_followed(target: str) -> None:
    assert Client().post("/preferences/theme", {"theme": "dark", "next": target}).url == "/"
    assert safe_next(RequestFactory().post("/", {"next": target}), "/logs") == "/logs"

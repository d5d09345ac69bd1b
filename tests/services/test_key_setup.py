from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from services import key_actions
from services.models import ApiKey, Environment, Service
from services.snippets import filled_groups
from tests.services.conftest import SignedIn


@pytest.fixture
def url(key: ApiKey) -> str:
    return f"/services/{key.service_id}/keys/{key.pk}/setup"


@pytest.fixture
def arrival_url(key: ApiKey) -> str:
    return f"/services/{key.service_id}/keys/{key.pk}/arrival"


@pytest.fixture
def made(client_for: SignedIn, developer: User, production: Environment) -> tuple[Client, str, str]:
    """A browser that has just made a key, where it is sent, and the key."""
    client = client_for(developer)
    response = client.post(
        f"/services/{production.service_id}/keys/new", {"environment": production.pk, "scopes": "logs"}
    )
    return client, response["Location"], client.cookies["fresh_api_key"].value


def test_a_fresh_key_is_shown_and_stands_in_every_snippet(made: tuple[Client, str, str]) -> None:
    client, url, plain = made
    page = client.get(url).content.decode()
    assert f'<code id="key">{plain}</code>' in page
    assert "pol_YOUR_KEY" not in page
    texts = [snippet.code for each in filled_groups(plain) for snippet in each.snippets]
    assert all(plain in code for code in texts)
    # The secret and its copy button, and each text, which its copy button reads.
    assert page.count(plain) == 2 + sum(code.count(plain) for code in texts)


def test_a_reload_does_not_show_it_again(made: tuple[Client, str, str]) -> None:
    client, url, plain = made
    client.get(url)
    page = client.get(url).content.decode()
    assert plain not in page
    assert "A key is shown once" in page
    assert "put it in place of <code>pol_YOUR_KEY</code>" in page


def test_the_cookie_is_for_that_page_alone_and_out_of_scripts_reach(made: tuple[Client, str, str]) -> None:
    client, url, _ = made
    cookie = client.cookies["fresh_api_key"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (url, True, "Strict", 120)


def test_nothing_on_the_way_keeps_the_page(made: tuple[Client, str, str]) -> None:
    client, url, _ = made
    assert "no-store" in client.get(url)["Cache-Control"]


def test_the_cookie_of_another_key_shows_nothing(made: tuple[Client, str, str], url: str) -> None:
    client, _, plain = made
    assert plain not in client.get(url).content.decode()


def test_waits_for_the_first_log(client_for: SignedIn, viewer: User, url: str, arrival_url: str) -> None:
    page = client_for(viewer).get(url).content.decode()
    assert "Waiting for the first log" in page
    assert f'hx-get="{arrival_url}"' in page


def test_there_is_no_news_while_it_waits(client_for: SignedIn, viewer: User, arrival_url: str) -> None:
    response = client_for(viewer).get(arrival_url)
    assert (response.status_code, response.content) == (204, b"")


def test_turns_when_the_key_was_used(
    client_for: SignedIn, viewer: User, key: ApiKey, url: str, arrival_url: str
) -> None:
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
    client = client_for(viewer)
    for address in (url, arrival_url):
        page = client.get(address).content.decode()
        assert "First log received" in page
        assert f'hx-get="{arrival_url}"' not in page


def test_says_by_what_the_first_log_came(
    client_for: SignedIn, viewer: User, developer: User, production: Environment, service: Service
) -> None:
    issued = key_actions.create_key(actor=developer, environment=production)
    body = {"streams": [{"stream": {}, "values": [["0", "hello"]]}]}
    headers = {"x-api-key": issued.plain, "user-agent": "promtail/3.6.5"}
    answer = Client().post("/loki/api/v1/push", body, "application/json", headers=headers)
    assert answer.status_code == 204
    client = client_for(viewer)
    for url in (f"/services/{service.pk}/keys/{issued.key.pk}/arrival", f"/services/{service.pk}"):
        assert "by Promtail 3.6.5 (Loki push)" in client.get(url).content.decode()


def test_says_when_the_key_was_revoked_meanwhile(
    client_for: SignedIn, developer: User, key: ApiKey, arrival_url: str
) -> None:
    key_actions.revoke_key(actor=developer, key=key)
    assert "This key is revoked." in client_for(developer).get(arrival_url).content.decode()


def test_a_viewer_is_not_sent_to_rotate(client_for: SignedIn, viewer: User, url: str) -> None:
    assert "/rotate" not in client_for(viewer).get(url).content.decode()


def test_another_organisation_gets_404(client_for: SignedIn, outsider: User, url: str, arrival_url: str) -> None:
    client = client_for(outsider)
    assert client.get(url).status_code == 404
    assert client.get(arrival_url).status_code == 404


def test_only_reads(client_for: SignedIn, developer: User, url: str, arrival_url: str) -> None:
    client = client_for(developer)
    assert client.post(url).status_code == 405
    assert client.post(arrival_url).status_code == 405

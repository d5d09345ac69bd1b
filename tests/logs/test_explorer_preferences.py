"""What a reader chose to see of logs is kept with the account; an address says otherwise for itself."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Org, User
from logs.explorer.packed import unpacked
from logs.models import SavedView
from services.models import Service
from tests.logs.reading import page
from tests.support.factories import make_log

CHOSEN = {"from": "-7d", "cols": "service,user.id", "wrap": "1", "density": "compact"}


def range_words(seen: str) -> str:
    return re.search(r'log-range.*?truncate">(.*?)<', seen, re.DOTALL)[1]  # type: ignore[index]


def carried(seen: str) -> dict[str, str]:
    """Return what the page's forms carry along."""
    return unpacked(re.search(r'name="page" value="(.*?)"', seen)[1]).dict()  # type: ignore[index, return-value]


def keep(client: Client, **chosen: str) -> None:
    response = client.post("/logs/preferences", {**chosen, "next": "/logs?q=x"})
    assert (response.status_code, response["Location"]) == (302, "/logs?q=x")


@pytest.fixture
def client(client_for: Callable[[User], Client], viewer: User) -> Client:
    return client_for(viewer)


def test_the_last_choice_counts_on_any_browser(
    client: Client, client_for: Callable[[User], Client], viewer: User, admin: User, service: Service
) -> None:
    make_log(service)
    keep(client, **CHOSEN)
    seen = page(client_for(viewer))
    assert range_words(seen) == "Last 7 days"
    assert "logs--wrap logs--compact" in seen
    assert ">user.id</span>" in seen
    assert range_words(page(client_for(admin))) == "Last hour"


def test_an_address_says_otherwise_and_goes_on_doing_so(client: Client, service: Service) -> None:
    make_log(service)
    keep(client, **CHOSEN)
    seen = page(client, "from=-1h&cols=service,env&wrap=0&density=normal")
    assert range_words(seen) == "Last hour"
    assert 'class="logs"' in seen
    assert ">user.id</span>" not in seen
    assert carried(seen) == {"from": "-1h", "cols": "service,env", "wrap": "0", "density": "normal"}
    assert 'href="/logs?from=-7d' in seen  # and what is chosen from there, too
    assert range_words(page(client, "to=2026-01-01")) != "Last 7 days"


def test_as_usual_is_no_choice(client: Client, viewer: User, service: Service) -> None:
    make_log(service)
    keep(client, **CHOSEN)
    keep(client, **{"from": "-1h", "cols": "service,env", "wrap": "0", "density": ""})
    assert carried(page(client)) == {}
    viewer.refresh_from_db()
    assert not any(viewer.preferences.values())


def test_columns_keep_their_order_and_can_be_moved(client: Client, service: Service) -> None:
    make_log(service)
    keep(client, cols="env,service,user.id")
    seen = page(client)
    assert re.findall(r'log__cell--\w+">(.*?)<', seen.split("<ol")[0]) == ["env", "service", "user.id"]
    assert 'cols=service,env,user.id" data-keep="cols" title="Move left" aria-label="Move service left"' in seen
    assert 'cols=env,user.id,service" data-keep="cols" title="Move left" aria-label="Move user.id left"' in seen
    assert "Move env left" not in seen


def test_a_saved_view_has_its_own_range(client: Client, org: Org, viewer: User, service: Service) -> None:
    keep(client, **CHOSEN)
    SavedView.objects.create(org=org, owner=viewer, name="All", params={"q": "x"})
    assert 'href="/logs?q=x&from=-1h"' in page(client)


@pytest.mark.parametrize("given", [
    {"from": "2026-01-01"}, {"from": "-x"}, {"from": "\0"}, {"cols": "a" * 3_000}, {"cols": "\0"}, {"other": "1"}, {},
])  # fmt: skip
def test_what_cannot_be_kept_is_nothing(client: Client, viewer: User, service: Service, given: dict[str, str]) -> None:
    make_log(service)
    keep(client, **given)
    assert carried(page(client)) == {}
    viewer.refresh_from_db()
    assert not any(viewer.preferences.values())


def test_looking_keeps_nothing(client: Client, viewer: User, service: Service) -> None:
    make_log(service)
    assert client.get("/logs/preferences?wrap=1").status_code == 405
    page(client, "wrap=1&from=-7d")
    viewer.refresh_from_db()
    assert viewer.preferences == {}


def test_what_the_browser_kept_is_taken_over_once(client: Client, viewer: User, service: Service) -> None:
    make_log(service)
    client.cookies["log_view"] = "from%3D-7d%26cols%3Dservice%252Cuser.id%26wrap%3D1%26density%3Dcompact"
    assert range_words(page(client)) == "Last 7 days"
    assert client.cookies["log_view"].value == ""
    viewer.refresh_from_db()
    assert viewer.preferences == {f"logs.{name}": value for name, value in CHOSEN.items()}
    client.cookies["log_view"] = "from%3D-30d"
    assert range_words(page(client)) == "Last 7 days"


@pytest.mark.parametrize("cookie", ["%ff%00", "from%3D2026-01-01", "x" * 5_000, "cols%3D%00", "&&&==", "%26" * 300])
def test_a_damaged_cookie_is_nothing(client: Client, service: Service, cookie: str) -> None:
    client.cookies["log_view"] = cookie
    assert range_words(page(client)) == "Last hour"


@pytest.mark.parametrize("kept", [[], {"logs.wrap": 1, "logs.cols": ["a"], "logs.from": {}}, {"logs.from": "now"}])
def test_a_damaged_row_is_nothing(client: Client, viewer: User, service: Service, kept: object) -> None:
    User.objects.filter(pk=viewer.pk).update(preferences=kept)
    assert range_words(page(client)) == "Last hour"

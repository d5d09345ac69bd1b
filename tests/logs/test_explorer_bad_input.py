"""Whatever is asked of the explorer gets a clear answer: never an error, never someone else's logs, never a guess."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

import hypothesis
import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from accounts.models import User
from logs.cursor import LogCursor
from services.models import Environment, Service
from tests.logs.reading import page, rows
from tests.support.factories import make_log

ClientFor = Callable[[User], Client]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("q=" + "x" * 10_000, "The search has 10,000 characters; 4,000 is the most. Look for a part that is rare."),
        ("q=" + quote("term " * 500), "More than 100 terms. Remove some of them."),
        ("q=" + quote("(" * 2_000), "Brackets are more than 20 deep. Use fewer brackets."),
        ("q=" + quote("a OR"), "Nothing stands after OR."),
        ("q=" + quote('"open'), "This quote is not closed."),
        ("q=" + quote("a)"), "Nothing was opened that this bracket closes."),
        ("q=level:loud", "There is no level 'loud'. Levels are debug, info, warn, error."),
        ("q=status:>many", "A number must follow >."),
        ("q=service:>5", "service has no order, so > means nothing."),
        ("q=service:nobody", "No service is called “nobody”."),
        ("q=env:nowhere", "No environment is called “nowhere”."),
        ("q=unknown.key:1", "Without unknown.key:1"),
        ("from=2026-03-17&to=2026-03-16", "From was after to: they were swapped."),
        ("from=soon", "“soon” is not a time, so from was ignored. Write -1h, -7d or a time such as 2026-03-17T08:00."),
        ("from=now-1h", "“now-1h” is not a time"),
        ("from=-999999w", "“-999999w” is not a time"),
        ("to=%00", "is not a time, so to was ignored"),
        ("from=0001-01-01&to=9999-12-31", "There are no logs that far away: from was moved to 1900."),
        ("from=2200-01-01", "The range begins in the future."),
        ("before=forged", "The link's address of the place in the list is damaged, so it was ignored."),
        ("before=9-99999999999999999999", "The link's address of the place in the list is damaged"),
        ("before=99999999999999999-1", "The link's address of the place in the list is damaged"),
        ("row=forged", "The link's address of the log to open is damaged, so it was ignored."),
        ("row=1-1", "This log was deleted"),
    ],
)
def test_what_is_wrong_is_reported(client: Client, service: Service, query: str, words: str) -> None:
    make_log(service, "hello", ts=timezone.now() - timedelta(minutes=1))
    seen = re.sub(r"</?(strong|code|a|mark|span)[^>]*>", "", page(client, query))
    assert words in re.sub(r"\s+", " ", seen)


@pytest.mark.parametrize(
    ("text", "also_there"),
    [
        ("100%", "100 per cent"),
        ("a_b", "axb"),
        ("C:\\temp", "C:/temp"),
        ("%_\\", "anything"),
        ("שלום", "hello"),
        ("مرحبا بالعالم", "hello"),
        ("日本語のログ", "日本"),
        ("🔥", "fire"),
        ("ÄÖÜ", "AOU"),
        ("\u202egnp.exe", "exe.png"),
        ("'; DROP TABLE logs; --", "drop"),
        ("{{ 7|add:7 }}", "14"),
    ],
)
def test_special_characters_are_themselves(client: Client, service: Service, text: str, also_there: str) -> None:
    make_log(service, f"<<{text}>>")
    make_log(service, also_there)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert rows(page(client, "q=" + quote(f'"{escaped}"'))) == [f"<<{text}>>"]


def test_what_cannot_be_stored_is_looked_for_as_it_is_stored(
    client: Client, service: Service, settings: LazySettings
) -> None:
    settings.LOG_SEARCH_SECONDS = 60
    make_log(service, "before\N{REPLACEMENT CHARACTER}after")
    for sent in ("before%00after", "before%ed%a0%80after"):
        assert "before" in " ".join(rows(page(client, f"q={sent}"))) or "Nothing matches" in page(client, f"q={sent}")
    assert rows(page(client, "q=before%00after")) == ["before\N{REPLACEMENT CHARACTER}after"]


def test_ten_years_are_one_page_with_round_bars(client: Client, service: Service) -> None:
    make_log(service, "of old", ts=timezone.now() - timedelta(days=8 * 365))
    seen = page(client, f"from={timezone.now() - timedelta(days=3650):%Y-%m-%d}")
    assert rows(seen) == ["of old"]
    assert "1 log<" in seen
    assert "31 d a bar" in seen
    assert 60 <= seen.count('class="chart__column"') <= 130


def test_another_organisations_ids_are_no_ones(client: Client, outsider: User, service: Service) -> None:
    foreign = Service.objects.exclude(org=service.org).get()
    secret = make_log(foreign, "their secret")
    environment = Environment.objects.get(pk=secret.environment_id)
    place = str(LogCursor(secret.ts, secret.pk))
    for query in (f"q=service:{foreign.pk}", f"q=env:{environment.pk}", f"q=service:{foreign.name}", f"row={place}",
                  f"before={LogCursor(secret.ts + timedelta(seconds=1), 0)}", "q=-service:api"):  # fmt: skip
        assert "their secret" not in page(client, query)
    assert "No service is called" in page(client, f"q=service:{foreign.pk}")
    assert client.get(f"/logs/{place}").status_code == 404
    assert "their secret" not in client.get("/logs/live", {"after": "1-1"}).content.decode()
    exported = b"".join(client.get("/logs/export", {"format": "ndjson", "from": "-365d"}).streaming_content)
    assert exported == b""


def test_a_forged_place_in_the_list_shows_what_follows_it_and_no_more(client: Client, service: Service) -> None:
    now = timezone.now()
    logs = [make_log(service, f"line {age}", ts=now - timedelta(seconds=age)) for age in (1, 2, 3)]
    microseconds = str(LogCursor(logs[1].ts, 0)).rpartition("-")[0]
    assert rows(page(client, f"before={microseconds}-{2**63 - 1}")) == ["line 2", "line 3"]
    assert rows(page(client, f"before={microseconds}-0")) == ["line 3"]
    assert rows(page(client, f"before={LogCursor(datetime.fromisoformat('1970-01-01T00:00:00Z'), 5)}")) == []


@pytest.mark.parametrize(
    "query",
    [
        "q=" + quote('"":""'),
        "q=status:1e999",
        "q=status:>" + "9" * 90,
        "q=%ff%fe",
        "from=2026-03-17T08:00:00.123456789%2B99:00",
        "from=9999-12-31",
        "before=%00",
        "row=-1-1",
        "at=99999999999999999999",
        "at=-5",
        "cols=" + "a," * 5_000,
        "cols=%00,,.,..",
        "tz=Mars",
        "q=(&good=(",
        "live=maybe&wrap=2&density=x",
        "add=%00",
        "add=" + "(" * 500,
    ],
)
def test_nonsense_is_left_alone(client: Client, service: Service, query: str) -> None:
    make_log(service, "hello", meta_json={"": "", "unknown": {"key": 2}})
    assert client.get(f"/logs?{query}", follow=True).status_code == 200


PARAMETERS = ["q", "good", "add", "from", "to", "cols", "row", "before", "at", "tz", "live", "after", "format"]


@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=st.dictionaries(st.sampled_from(PARAMETERS), st.text()), path=st.sampled_from(["", "/live", "/export"]))
def test_no_parameters_whatever_break_it(client: Client, service: Service, given: dict[str, str], path: str) -> None:
    assert client.get(f"/logs{path}", given).status_code in (200, 302, 400, 429)


@hypothesis.settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=st.one_of(st.text(min_size=1), st.from_regex(r"-?\d{1,18}-\d{1,20}", fullmatch=True)))
def test_no_address_whatever_breaks_a_logs_page(client: Client, service: Service, address: str) -> None:
    assert client.get(f"/logs/{quote(address, safe='')}").status_code in (200, 302, 404, 405)

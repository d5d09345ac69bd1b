"""Searches as other tools read them, and what is offered for each."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from logs.search.dialects import translated
from services.models import Service
from tests.logs.reading import page
from tests.support.factories import make_log


@pytest.mark.parametrize(
    ("query", "here"),
    [
        ("order_id=x", "order_id:x"),
        ('order_id="two words"', 'order_id:"two words"'),
        ("order_id = x", "order_id:x"),
        ("order_id == 'x'", "order_id:x"),
        ("order_id!=x", "-order_id:x"),
        ("NOT x", "-x"),
        ("a NOT (b c)", "a -(b c)"),
        ("a AND NOT level:error", "a -level:error"),
        ("!x", "-x"),
        ("a && b || c", "a b OR c"),
        ("level:error or level:warn", "level:error OR level:warn"),
        ("conn*", "conn"),
        ("*conn*ion", "conn ion"),
        ("-Xmx512m", '"-Xmx512m"'),
        ("-Dkey=value", '"-Dkey=value"'),
        ("--no-cache", '"--no-cache"'),
        ("-p8080", '"-p8080"'),
        ("@http.status:500", "http.status:500"),
        ("http.status:[500 TO 599]", "http.status:>=500 http.status:<=599"),
        ("took_ms:{5 TO *]", "took_ms:>5"),
        ("http.status: 500", "http.status:500"),
        ("http.status >= 500", "http.status:>=500"),
        ("took_ms>250", "took_ms:>250"),
        ("status:(404 OR 500)", "status:404,500"),
        ("status IN (404, 500)", "status:404,500"),
        ("path LIKE '%pay%'", "path:~pay"),
        ("path:*pay*", "path:~pay"),
        ("_exists_:user.id", "user.id:*"),
        ("user=*", "user:*"),
        ("+must", "must"),
        ("fuzzy~1 boost^2", "fuzzy boost"),
        ("/timeout/", "timeout"),
        ("'a phrase'", '"a phrase"'),
        ('{app="api", env="prod"} |= "refused" != "health"', 'app:api env:prod refused -health'),
        ('{app=~"api|web"} | json | level="error"', "app:api,web level:error"),
        ('{service=~"pay.*"} |~ "time.?out"', "service:pay* time out"),
        ("index=main error | stats count by host", "index:main error"),
        ('severity>=ERROR jsonPayload.user="ada"', "level:>=ERROR user:ada"),
        ("severity=ERROR", "level:ERROR"),
        ('textPayload:"refused"', "message:refused"),
        ('msg="charge failed"', 'message:"charge failed"'),
        ("$.level = error", "level:error"),
    ],
)  # fmt: skip
def test_a_search_of_another_tool_is_written_here(query: str, here: str) -> None:
    assert translated(query) == here


@pytest.mark.parametrize(
    "query",
    [
        "", "charge failed", "-health", "-ERROR", "level:error,warn", "took:>=5 user.id:*", "http.path:/api/*",
        "k:~part", "Error: refused", "std::vector<int>", "https://a.example/x?y=1", "connect() failed", "std::map",
        '"order_id=x"', '"NOT x"', "a - b", "-(a b)", "C:\\temp", "a->b", "x=>y", "12:30:45", "/api/users/1",
        "(a OR b) c", "it's", "5 * 3", "x" * 2_000 + "=1",
    ],
)  # fmt: skip
def test_a_search_of_here_stays_as_it_is(query: str) -> None:
    assert translated(query) is None


@pytest.mark.parametrize("part", ["a=", "-X", "{", "(", "a:[", "'", "|= ", "NOT ", "*a", "a: ", "! ", "=~"])
def test_reading_takes_no_time(part: str) -> None:
    began = time.process_time()
    translated(part * (1_000 // len(part)))
    assert time.process_time() - began < 0.2


def test_the_page_offers_it(client: Client, service: Service) -> None:
    make_log(service, "hello")
    seen = page(client, "q=order_id%3Dx")
    assert "order_id:x" in seen
    assert 'href="/logs?q=order_id%3Ax"' in seen or 'href="/logs?q=order_id:x"' in seen
    assert "another tool" not in page(client, "q=order_id:x")

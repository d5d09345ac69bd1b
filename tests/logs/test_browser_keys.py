"""Logs from scripts of web pages: off for all pages but those that a key is for; and from a real browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from logs.models import LogEntry
from services import authentication, origins
from services.key_actions import KeyPolicy, create_key
from services.models import Environment
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("one_minute")

PAGE = "https://shop.example.com"
OURS, OTLP = "/api/v1/logs/ingest", "/v1/logs"
BODY = json.dumps({"logs": [{"message": "hello"}]})


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    authentication._remembered.clear()
    origins._known.clear()
    yield
    origins._known.clear()


def browser_key(environment: Environment, *pages: str, **limits: Any) -> str:
    policy = KeyPolicy(scopes=["logs"], origins=pages or [PAGE])
    return create_key(actor=None, environment=environment, policy=policy, **limits).plain


@pytest.fixture
def key(environment: Environment) -> str:
    return browser_key(environment)


def ask(path: str = OURS, origin: str = PAGE) -> Any:
    headers = {"origin": origin, "access-control-request-method": "POST",
               "access-control-request-headers": "content-type,x-api-key"}  # fmt: skip
    return Client().options(path, headers=headers)


def send(key: str, path: str = OURS, origin: str | None = PAGE, body: str = BODY, **more: str) -> Any:
    headers = {"x-api-key": key, **({"origin": origin} if origin else {}), **more}
    return Client().post(path, body, content_type="application/json", headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize("path", [OURS, OTLP, "/otlp/v1/logs", "/loki/api/v1/push", "/services/collector", "/gelf"])
def test_a_page_that_a_key_is_for_may_send(key: str, path: str) -> None:
    answer = ask(path)
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == PAGE
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert {"content-type", "x-api-key"} <= set(answer["Access-Control-Allow-Headers"].split(", "))
    assert answer["Vary"] == "Origin"


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", f"{PAGE}.evil.example", "x" * 9_000])
def test_no_other_page_hears_anything(key: str, origin: str) -> None:
    answer = ask(origin=origin)
    assert answer.status_code == 405
    refused = send(key, origin=origin)
    assert refused.status_code == 403
    for each in (answer, refused):
        assert not [name for name in each.headers if name.lower().startswith("access-control")]
    assert not LogEntry.objects.exists()


@pytest.mark.django_db
def test_an_installation_without_such_keys_has_no_cors(api_key: str) -> None:
    assert ask().status_code == 405
    answer = send(api_key)  # a server's key, by a proxy that hands the page's Origin on
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.django_db
def test_a_key_for_browsers_is_for_its_pages_alone(key: str, environment: Environment) -> None:
    answer = send(key)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, PAGE)
    other = browser_key(environment, "http://localhost:3000")
    refused = send(other)  # shown to the page, which another key is for
    assert (refused.status_code, refused["Access-Control-Allow-Origin"]) == (403, PAGE)
    assert f"not for one of {PAGE}" in refused.json()["error"]["message"]
    assert "without an Origin" in send(other, origin=None).json()["error"]["message"]
    deployment = send(key, "/api/v1/deployments", body='{"commit_sha": "aaaaaaa", "status": "success"}')
    assert deployment.status_code == 403
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db
def test_its_rate_is_low_unless_it_has_a_figure_of_its_own(environment: Environment, settings: Any) -> None:
    settings.INGEST_BROWSER_RATE_PER_MINUTE = 2
    settings.INGEST_BROWSER_BYTES_PER_MINUTE = 10_000
    low, own = browser_key(environment), browser_key(environment, rate_per_minute=5)
    three = json.dumps({"logs": [{"message": "hello"}] * 3})
    refused = send(low, body=three)
    assert (refused.status_code, refused["Access-Control-Allow-Origin"]) == (429, PAGE)
    assert "retry-after" in refused["Access-Control-Expose-Headers"]
    assert send(own, body=three).status_code == 200
    large = json.dumps({"logs": [{"message": "x" * 10_000}]})
    assert send(own, body=large).status_code == 429


@pytest.mark.django_db
def test_a_beacon_is_text_and_has_its_key_in_the_address(key: str) -> None:
    for path in (f"{OURS}?api_key={key}", f"{OTLP}?api_key={key}"):
        body = BODY if path.startswith(OURS) else '{"resourceLogs": []}'
        answer = Client().post(path, body, content_type="text/plain;charset=UTF-8", headers={"origin": PAGE})
        assert answer.status_code == 200, answer.content
    assert Client().post(OURS, BODY, content_type="text/plain", headers={"x-api-key": key}).status_code == 403
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_revoked_keys_page_is_like_any_other(key: str, environment: Environment) -> None:
    environment.api_keys.update(revoked_at="2020-01-01T00:00:00Z")
    assert ask().status_code == 405


SEND = """async ([url, key]) => {
    const log = (message) => ({message, level: "error", timestamp: new Date().toISOString()});
    const results = {};
    const answer = await fetch(url + "/api/v1/logs/ingest", {
        method: "POST", headers: {"content-type": "application/json", "x-api-key": key}, keepalive: true,
        body: JSON.stringify({logs: [log("by fetch")]}),
    });
    results.fetch = [answer.status, (await answer.json()).data.accepted];
    // As OpenTelemetry's exporter for browsers does, with headers and without.
    const record = (text) => JSON.stringify({resourceLogs: [{scopeLogs: [{logRecords: [
        {timeUnixNano: String(Date.now() * 1e6), severityNumber: 17, body: {stringValue: text}}]}]}]});
    const otlp = await fetch(url + "/v1/logs", {
        method: "POST", headers: {"Content-Type": "application/json", "x-api-key": key}, body: record("by otlp")});
    results.otlp = otlp.status;
    results.beacons = [
        navigator.sendBeacon(url + "/api/v1/logs/ingest?api_key=" + key, JSON.stringify({logs: [log("by beacon")]})),
        navigator.sendBeacon(
            url + "/v1/logs?api_key=" + key, new Blob([record("by blob")], {type: "application/json"})),
    ];
    const refused = await fetch(
        url + "/api/v1/logs/ingest", {method: "POST", headers: {"x-api-key": "pol_0"}, body: "[]"});
    results.refused = refused.status;  // which the page may see
    return results;
}"""


class Shop(BaseHTTPRequestHandler):
    """Serves an empty page, of an origin of its own."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_real_browser(page: Page, live_server: Any, environment: Environment, shop: str) -> None:
    key = browser_key(environment, shop)
    page.goto(shop)
    results = page.evaluate(SEND, [live_server.url, key])
    assert results == {"fetch": [200, 1], "otlp": 200, "beacons": [True, True], "refused": 403}
    wait_until(lambda: LogEntry.objects.count() == 4)
    assert set(LogEntry.objects.values_list("message", "level")) == {
        (f"by {way}", "error") for way in ("fetch", "otlp", "beacon", "blob")
    }


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_browser_lets_no_other_page_send(
    context: BrowserContext, live_server: Any, environment: Environment, shop: str
) -> None:
    key, page = browser_key(environment), context.new_page()  # what is refused is an error on its console
    page.goto(shop)
    said = page.evaluate(
        """async ([url, key]) => fetch(url + "/v1/logs", {
            method: "POST", headers: {"content-type": "application/json", "x-api-key": key}, body: "{}",
        }).then(() => "answered", (error) => error.name)""",
        [live_server.url, key],
    )
    assert said == "TypeError"
    assert not LogEntry.objects.exists()

"""The guarded client: where it does not go, and that nothing it meets there can hold it up."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from typing import Any

import pytest
from pytest_django import Settings

from pulseops.core.outbound import client as http
from pulseops.core.outbound import ip_rules
from tests.support import receivers

INNER = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.1.1.1", "169.254.169.254", "172.31.255.255", "192.0.0.8",
    "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "3fff::1",
    "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("text", INNER)
def test_inner_addresses_are_not_global(text: str) -> None:
    assert not ip_rules.is_global_unicast(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_global(text: str) -> None:
    assert ip_rules.is_global_unicast(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.slack.com/x", "https"),
        ("ftp://hooks.slack.com/x", "https"),
        ("file:///etc/passwd", "web address"),
        ("gopher://x", "https"),
        ("", "web address"),
        ("https://", "web address"),
        ("https://user:secret@hooks.slack.com/x", "user name"),
        ("https://[::1", "web address"),
        ("javascript:alert(1)", "web address"),
        ("https://hooks.slack.com:99999/", "web address"),
    ],
)
def test_addresses_that_are_not_a_target(url: str, reason: str) -> None:
    with pytest.raises(http.RefusedError, match=reason):
        http.post_json(url, {})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "[::1]", "localhost", "0x7f.1", "2130706433", "127.1",
     "0", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1]", "0177.0.0.1"],
)  # fmt: skip
def test_inner_hosts_are_refused_whatever_their_spelling(host: str) -> None:
    with pytest.raises((http.RefusedError, http.UnreachableError)) as caught:
        http.post_json(f"https://{host}:1/x", {}, timeout=2)
    if isinstance(caught.value, http.UnreachableError):  # this machine's resolver does not know the spelling
        assert "resolved" in str(caught.value)


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One inner address among public ones is enough."""
    answers = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)
    with pytest.raises(http.RefusedError, match=r"leads to 169\.254\.169\.254"):
        http.post_json("https://rebind.example/x", {})


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A name that answers differently the second time is never asked a second time."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "rebind.test":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "10.255.255.1"
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    settings.OUTGOING_PRIVATE_HOSTS = ["rebind.test"]
    with receivers.receiver() as server:
        assert http.post_json(f"http://rebind.test:{server.port}/", {}).status == 200
        assert server.received[0].headers["host"] == f"rebind.test:{server.port}"
    assert asked == ["rebind.test"]


def test_private_hosts_are_still_not_metadata(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["169.254.169.254"]
    with pytest.raises(http.RefusedError, match="not a public address"):
        http.post_json("http://169.254.169.254/latest/meta-data", {})


def test_private_host_may_be_named_with_its_port(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1:9"]
    with pytest.raises(http.RefusedError, match="https"):
        http.post_json("http://127.0.0.1:10/", {})


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]


@pytest.mark.usefixtures("loopback")
def test_a_request_is_json_and_carries_its_headers() -> None:
    with receivers.receiver(receivers.answer(201, b"made", X_Note="yes")) as server:
        answer = http.post_json(server.url, {"text": "grüße ✓"}, headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.body, answer.headers["x-note"]) == (201, b"made", "yes")
    assert server.received[0].json == {"text": "grüße ✓"}
    assert server.received[0].headers["idempotency-key"] == "k"
    assert server.received[0].headers["content-type"] == "application/json"


@pytest.mark.usefixtures("loopback")
def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receivers.receiver() as server, receivers.receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        http.post_json(server.url, {})
    assert (len(server.received), len(proxy.received)) == (1, 0)


@pytest.mark.usefixtures("loopback")
def test_redirects_are_not_followed() -> None:
    with receivers.receiver() as second:
        with receivers.receiver(receivers.answer(302, Location=second.url)) as first:
            assert http.post_json(first.url, {}).status == 302
        assert second.received == []


@pytest.mark.usefixtures("loopback")
def test_a_huge_answer_is_cut() -> None:
    with receivers.receiver(receivers.endless) as server:
        assert len(http.post_json(server.url, {}).body) == http.MAX_BYTES


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("behaviour", [receivers.hang(), receivers.drip], ids=["hangs", "drips"])
def test_the_deadline_ends_it(behaviour: receivers.Behaviour) -> None:
    started = time.monotonic()
    with receivers.receiver(behaviour) as server, pytest.raises(http.UnreachableError, match=r"within 0\.4 seconds"):
        http.post_json(server.url, {}, timeout=0.4)
    assert time.monotonic() - started < 15  # of thirty, or of eight minutes


def test_the_deadline_ends_a_resolver_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: over.wait(30) and [])
    started = time.monotonic()
    with pytest.raises(http.UnreachableError, match="did not answer"):
        http.post_json("https://slow.example/", {}, timeout=0.3)
    assert time.monotonic() - started < 15
    over.set()


@pytest.mark.usefixtures("loopback")
def test_garbage_is_unreachable_and_the_secret_stays_out_of_the_reason() -> None:
    with receivers.receiver(receivers.garbage) as server, pytest.raises(http.UnreachableError) as caught:
        http.post_json(server.url, {}, timeout=2)
    assert "not HTTP" in str(caught.value)
    assert "secretsecret" not in str(caught.value)


@pytest.mark.usefixtures("loopback")
def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(http.UnreachableError, match="refused the connection"):
        http.post_json(f"http://127.0.0.1:{port}/", {}, timeout=2)


def test_unknown_names_are_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(http.UnreachableError, match="could not be resolved"):
        http.post_json("https://nowhere.invalid/", {})


def test_a_certificate_is_verified_by_the_bundle_and_the_name(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1", "localhost"]
    with receivers.tls_receiver() as server:
        with pytest.raises(http.UnreachableError, match="certificate"):
            http.post_json(f"https://127.0.0.1:{server.port}/", {})
        settings.OUTGOING_CA_BUNDLE = str(server.certificate)
        assert http.post_json(f"https://127.0.0.1:{server.port}/", {}).status == 200
        with pytest.raises(http.UnreachableError, match="certificate"):
            http.post_json(f"https://localhost:{server.port}/", {})  # the certificate is of 127.0.0.1
        assert http.post_json(f"https://127.0.0.1:{server.port}/", {}).status == 200
        settings.OUTGOING_CA_BUNDLE = ""
        with pytest.raises(http.UnreachableError, match="certificate"):
            http.post_json(f"https://127.0.0.1:{server.port}/", {})


def test_the_bundle_is_read_once_for_all_connections(settings: Settings) -> None:
    """It takes longer than everything else that sending a message does."""
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    with receivers.tls_receiver() as server:
        settings.OUTGOING_CA_BUNDLE = str(server.certificate)
        before = http._trusting.cache_info().misses
        for _ in range(3):
            http.post_json(f"https://127.0.0.1:{server.port}/", {})
        assert http._trusting.cache_info().misses == before + 1
        os.utime(server.certificate, ns=(1, 1))  # the operator has changed it
        http.post_json(f"https://127.0.0.1:{server.port}/", {})
        assert http._trusting.cache_info().misses == before + 2

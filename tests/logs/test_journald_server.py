"""Journals through our own server: requests without an end, and Debian's systemd-journal-upload."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.logs.test_journald import PATH, entry
from tests.support.debian_clients import client, environment
from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
HURRIED = {"WEB_WORKERS": "1", "WEB_THREADS": "4", "WEB_STREAMS": "2", "WEB_STREAM_SECONDS": "1"}


@pytest.fixture(scope="module")
def web(installation: Installation) -> Iterator[Installation]:
    hurried = installation.twin({**installation.environment, **HURRIED})
    process = hurried.start_web()
    yield hurried
    stop(process)


@pytest.fixture
def key(web: Installation) -> str:
    return web.make_key()


def stored(web: Installation, like: str) -> int:
    [[count]] = web.rows(f"SELECT count(*) FROM logs WHERE message LIKE '{like}%'")
    return int(count)


def head(key: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"x-api-key: {key}", "Transfer-Encoding: chunked", "", ""]
    return "\r\n".join(lines).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def connect(stack: ExitStack, web: Installation, key: str) -> socket.socket:
    peer = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=60))
    peer.sendall(head(key))
    return peer


def test_what_has_come_is_stored_while_the_request_goes_on(web: Installation, key: str) -> None:
    """For longer than a request may usually take, which is two seconds here."""
    with ExitStack() as stack:
        peer = connect(stack, web, key)
        for number in range(4):
            peer.sendall(chunk(entry(number, f"lasting {number}")))
            wait_until(lambda: stored(web, "lasting") == number + 1)  # noqa: B023 - it is called at once
        peer.sendall(b"0\r\n\r\n")
        assert peer.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_journal_makes_way_for_one_that_waits(web: Installation, key: str) -> None:
    with ExitStack() as stack:
        first, second = connect(stack, web, key), connect(stack, web, key)
        for number, peer in enumerate((first, second)):
            peer.sendall(chunk(entry(number, f"{'ab'[number]}-way")))
        wait_until(lambda: stored(web, "a-way") + stored(web, "b-way") == 2)
        body = entry(7, "c-way")
        answer = requests.post(web.url + PATH, data=iter([body]), headers={"x-api-key": web.make_key()}, timeout=60)
        assert (answer.status_code, stored(web, "c-way")) == (200, 1)
        first.setblocking(False)
        second.setblocking(False)
        ended = []

        def is_any_ended() -> bool:
            for peer in (first, second):
                with suppress(BlockingIOError):
                    ended.append(peer.recv(65536))
            return bool(ended)

        wait_until(is_any_ended)
        assert ended[0].startswith(b"HTTP/1.1 503 ")


def test_one_that_breaks_off_is_stored_as_far_as_it_came_and_once(web: Installation, key: str) -> None:
    entries = [entry(number, f"broken {number}") for number in range(20)]
    with ExitStack() as stack:
        connect(stack, web, key).sendall(chunk(b"".join(entries[:12]) + entries[12][:30]))
    wait_until(lambda: stored(web, "broken") == 12)
    answer = requests.post(web.url + PATH, data=b"".join(entries), headers={"x-api-key": key}, timeout=60)
    assert (answer.text, stored(web, "broken")) == ("8 entries stored.\n", 20)


def upload(web: Installation, key: str, journal: bytes) -> subprocess.CompletedProcess[bytes]:
    program = client("lib/systemd/systemd-journal-upload")
    url = f"--url=http://any:{key}@127.0.0.1:{web.port}/journald"
    return subprocess.run(
        [program, url, "-"], input=journal, env=environment(), capture_output=True, check=False, timeout=120
    )


def test_systemd_journal_upload(web: Installation, key: str) -> None:
    journal = b"".join(entry(number, f"debian {number}") for number in range(2_500))
    first = upload(web, key, journal)
    assert first.returncode == 0, first.stderr
    assert stored(web, "debian") == 2_500
    assert upload(web, key, journal).returncode == 0
    assert stored(web, "debian") == 2_500
    refused = upload(web, "pol_" + "0" * 64, journal)
    assert (refused.returncode, b"This API key is unknown or revoked." in refused.stderr) == (1, True)


def test_a_key_waits_for_its_rate_and_loses_nothing(web: Installation) -> None:
    key = web.make_key(rate_per_minute=1_000)  # as many as a piece has, so that the second has to wait
    journal = b"".join(entry(number, f"waited {number}") for number in range(1_100))
    assert upload(web, key, journal).returncode == 0
    assert stored(web, "waited") == 1_100

"""What a client has not taken of an answer is kept for it, within bounds; the thread goes on."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from pulseops.core.networks import subscriber_of
from pulseops.core.web import senders
from pulseops.server import connection as connection_module
from pulseops.server import options
from pulseops.server.connection import ClientConnection
from pulseops.server.lanes import Lanes
from pulseops.server.request_buffer import Progress

Pair = tuple[ClientConnection, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.getsockname())
        client.settimeout(10)
        accepted, address = server.accept()
        conn = ClientConnection(accepted, address, accepted.getsockname())
        yield conn, client
        conn.drop()


def arrived(conn: ClientConnection, client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    assert conn.receive_within(10)


def test_a_request_is_read_and_nothing_after_it(pair: Pair) -> None:
    conn, client = pair
    arrived(conn, client, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\n\r\n")
    assert conn.recv(5).startswith(b"POST / ")
    assert conn.recv(5) == b"hi"
    with pytest.raises(ConnectionError):
        conn.recv(5)
    conn.is_served = True
    conn.begin_next()
    assert conn.request.progress is Progress.WHOLE
    assert conn.recv(5) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_head_goes_out_with_the_body(pair: Pair) -> None:
    conn, client = pair
    client.settimeout(0.1)
    conn.sendall(b"head ")
    with pytest.raises(TimeoutError):
        client.recv(100)
    conn.sendall(b"body")
    assert client.recv(100) == b"head body"


def test_what_a_client_waits_for_goes_out_at_once(pair: Pair) -> None:
    conn, client = pair
    assert conn.send(b"HTTP/1.1 100 Continue\r\n\r\n") == 25
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_an_answer_that_no_one_takes_does_not_hold_the_thread(pair: Pair) -> None:
    conn, client = pair
    body = bytes(range(256)) * 3_600  # 920 kB
    conn.sendall(b"head")
    conn.sendall(body)
    assert not conn.flush()
    received = b""
    while len(received) < len(body) + 4:
        received += client.recv(65536)
        conn.flush()
    assert received == b"head" + body


def test_one_that_is_too_large_to_be_kept_waits_so_long(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "WEB_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(connection_module, "WEB_BYTES_PER_SECOND", 10**9)
    conn, _ = pair
    with pytest.raises(TimeoutError):
        conn.sendfile(io.BytesIO(b"x" * 10_000_000))
    assert conn.is_broken
    with pytest.raises(BrokenPipeError):
        conn.sendall(b"more")


def test_a_file_arrives(pair: Pair, tmp_path: Path) -> None:
    conn, client = pair
    (tmp_path / "file").write_bytes(b"0123456789" * 10_000)
    conn.sendall(b"head ")
    with (tmp_path / "file").open("rb") as file:
        assert conn.sendfile(file, 1, 30_003) == 30_003
    received = b""
    while len(received) < 30_008:
        received += client.recv(65536)
        conn.flush()
    assert received == b"head " + (b"0123456789" * 10_000)[1:30_004]


def test_a_body_that_is_read_as_it_arrives_has_an_end(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "WEB_REQUEST_SECONDS", 0.2)
    conn, client = pair
    client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert not conn.receive_within(0.1) or conn.request.progress is Progress.STREAMED
    conn.recv(100)
    client.sendall(b"he")
    assert conn.recv(100) == b"he"
    with pytest.raises(TimeoutError):
        conn.recv(100)


def test_the_floor_is_of_the_whole_not_of_the_last_byte(pair: Pair) -> None:
    conn, client = pair
    client.sendall(b"GET / HTTP/1.1\r\nX: ")
    conn.receive_within(0.2)
    due = conn.request_due_at()
    for _ in range(10):
        client.sendall(b"a")
        conn.receive_within(0.01)
    assert conn.request_due_at() - due < 0.01


def test_no_kind_of_request_has_all_threads(pair: Pair) -> None:
    conn, _ = pair
    for threads in (1, 2, 4, 16, 64):
        lanes = Lanes(threads)
        conn.request.head, conn.request.progress = b"POST /api/v1/logs/ingest ", Progress.WHOLE
        for _ in range(threads + 1):
            lanes.add(conn)
        taken = []
        while each := lanes.next():
            taken.append(each)
        assert len(taken) == max(1, threads - threads // 4 - max(1, threads // 8))
        assert lanes.is_anyone_waiting(taken[0][0])
        conn.request.head = b"GET /api/health HTTP/1.1"
        lanes.add(conn)
        assert lanes.next()
        conn.request.head = b"GET /dashboard HTTP/1.1"
        lanes.add(conn)
        assert bool(lanes.next()) is (threads > 1)
        lanes.release(*taken[0])
        assert lanes.next()


@pytest.fixture
def request_of() -> Iterator[Callable[[str], ClientConnection]]:
    """Makes a connection on which the head of a request has arrived."""
    with ExitStack() as stack:

        def make(head: str) -> ClientConnection:
            ours, theirs = socket.socketpair()
            stack.callback(theirs.close)
            conn = ClientConnection(ours, ("203.0.113.7", 1), None)
            stack.callback(conn.drop)
            conn.request.add(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            return conn

        yield make


def page_of(session: str) -> str:
    return f"GET /logs HTTP/1.1\nHost: x\nCookie: theme=dark; __Host-pulseops_session={session}; other=1"


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "_orgs", {})


def known(conn: ClientConnection, org_id: UUID) -> None:
    """Note what serving a request of this mark has shown."""
    senders.serving(conn.mark)
    senders.belongs_to(org_id)
    senders.serving(0)


@pytest.mark.usefixtures("marks")
def test_an_organisation_has_a_few_threads_for_pages_however_many_sessions_ask(
    request_of: Callable[[str], ClientConnection],
) -> None:
    lanes, greedy, other = Lanes(16), uuid4(), uuid4()
    flood = [request_of(page_of(f"{number:064x}")) for number in range(30)]
    for conn in flood:
        known(conn, greedy)
        lanes.add(conn)
    taken = []
    while each := lanes.next():
        taken.append(each)
    assert len(taken) == options.WEB_PAGES_PER_ORG
    quiet = request_of(page_of("f" * 64))
    known(quiet, other)
    lanes.add(quiet)
    assert lanes.next() == (taken[0][0], quiet)
    assert lanes.next() is None
    lanes.release(*taken[0])
    assert (following := lanes.next())
    assert following[1] is flood[options.WEB_PAGES_PER_ORG]  # in the order in which they came


@pytest.mark.usefixtures("marks")
def test_downloads_of_new_sessions_leave_their_address_to_others(request_of: Callable[[str], ClientConnection]) -> None:
    """A hostile organisation behind the same proxy: its first requests are counted as the proxy's, for an instant."""
    lanes, hostile = Lanes(16), uuid4()
    for number in range(8):
        lanes.add(request_of(page_of(f"{number:064x}")))
    taken = [lanes.next() for _ in range(options.WEB_PAGES_PER_ORG)]
    quiet = request_of(page_of("f" * 64))
    lanes.add(quiet)
    assert lanes.next() is None
    for lane, conn in filter(None, taken):
        senders.serving(conn.mark, partial(lane.recount, conn))
        senders.belongs_to(hostile)
    senders.serving(0)
    assert [each and each[1] for each in (lanes.next(), lanes.next())]
    pages = lanes.lane_of(quiet)
    assert pages.served == {hash(hostile): 2, quiet.party: 2}
    for lane, conn in filter(None, taken):
        lanes.release(lane, conn)
    assert pages.served == {quiet.party: 2}


@pytest.mark.usefixtures("marks")
def test_marks_that_were_made_up_count_as_their_address(request_of: Callable[[str], ClientConnection]) -> None:
    made_up = [request_of(page_of(f"{number:064x}")) for number in range(5)]
    made_up += [request_of(f"POST /v1/logs HTTP/1.1\nAuthorization: Bearer pol_{number:064x}") for number in range(5)]
    made_up.append(request_of("GET / HTTP/1.1"))
    for conn in made_up:
        conn.find_party()
    assert len({conn.party for conn in made_up}) == 1
    known(made_up[0], uuid4())
    made_up[0].find_party()
    assert made_up[0].party != made_up[1].party


@pytest.mark.usefixtures("marks")
def test_who_has_the_fewest_threads_is_next(request_of: Callable[[str], ClientConnection]) -> None:
    lanes = Lanes(4)  # two for machines
    heads = [f"POST /api/v1/logs/ingest HTTP/1.1\nx-api-key: pol_{number}" for number in (1, 1, 1, 1, 2)]
    conns = [request_of(head) for head in heads]
    orgs = {1: uuid4(), 2: uuid4()}
    for conn, number in zip(conns, (1, 1, 1, 1, 2), strict=True):
        known(conn, orgs[number])
        lanes.add(conn)
    taken = [lanes.next(), lanes.next()]
    assert [each and each[1] for each in taken] == [conns[0], conns[4]]


@pytest.mark.usefixtures("marks")
def test_strangers_behind_a_proxy_count_by_the_address_that_it_has_seen(
    request_of: Callable[[str], ClientConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = ["198.51.100.1", "made up, 198.51.100.1", "198.51.100.2", "made up, 198.51.100.2"]
    conns = [request_of(f"GET / HTTP/1.1\nX-Forwarded-For: {each}") for each in heads]
    assert len({conn.address for conn in conns}) == 1  # no proxy of ours: anyone may write that
    monkeypatch.setattr(connection_module, "TRUSTED_PROXIES", 1)
    first, spoofed, second, _ = (conn.address for conn in conns)
    assert first == spoofed != second


def test_marks_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "_orgs", {})
    monkeypatch.setattr(senders, "_MOST", 10)
    for mark in range(1, 100):
        senders.serving(mark)
        senders.belongs_to(uuid4())
        assert len(senders._orgs) <= 10
    assert senders.org_of(99) is not None
    senders.serving(0)


def test_a_rule_that_waits_for_too_long_is_reported(pair: Pair) -> None:
    conn, _ = pair
    lanes = Lanes(4)
    conn.request.head, conn.request.progress = b"GET / HTTP/1.1", Progress.WHOLE
    lanes.add(conn)
    assert lanes.overdue(time.monotonic() - 1) == []
    assert lanes.overdue(time.monotonic() + 1) == [conn]
    assert lanes.next() is None


def test_a_subscriber_of_a_provider_is_one_whatever_address_it_uses() -> None:
    """By which syslog counts, too."""
    same = [subscriber_of(f"2001:db8:1:2::{n:x}") for n in range(1, 5)]
    assert {*same} == {"2001:db8:1:2::/64"}
    assert subscriber_of("::ffff:192.0.2.1") == subscriber_of("192.0.2.1") == "192.0.2.1"
    assert subscriber_of("fe80::1%eth0") == "fe80::/64"
    assert subscriber_of("") == ""

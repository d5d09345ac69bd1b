"""A client's socket waits as long as was asked, though the system is told later."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pulseops.server.buffered_socket import Peer


@pytest.fixture
def pair() -> Iterator[tuple[Peer, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        accepted.setblocking(False)
        with Peer.take_over(accepted) as peer:
            yield peer, client


def test_it_goes_on_as_it_was_taken_over(pair: tuple[Peer, socket.socket]) -> None:
    peer, _ = pair
    assert peer.gettimeout() == 0
    assert not peer.getblocking()
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_what_was_asked_last_counts(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    peer.settimeout(0.01)
    with pytest.raises(TimeoutError):
        peer.recv(1)
    peer.setblocking(True)
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv_into(bytearray(1))
    peer.setblocking(True)
    assert (peer.gettimeout(), peer.getblocking()) == (None, True)
    client.sendall(b"a")
    assert peer.recv(1) == b"a"


def test_what_it_sends_arrives(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    peer.setblocking(True)
    assert peer.send(b"one ") == 4
    peer.sendall(b"two")
    peer.shutdown(socket.SHUT_WR)
    assert client.makefile("rb").read() == b"one two"


def test_what_is_held_goes_with_what_is_sent_next(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    peer.setblocking(True)
    client.settimeout(0.1)
    peer.hold()
    peer.sendall(b"head ")
    with pytest.raises(TimeoutError):
        client.recv(100)
    peer.sendall(b"body ")
    assert client.recv(100) == b"head body "
    peer.sendall(b"more")
    assert client.recv(100) == b"more"


def test_what_is_held_goes_out_before_anything_is_read(pair: tuple[Peer, socket.socket]) -> None:
    """As a client expects that waits for `100 Continue` before it sends the body."""
    peer, client = pair
    peer.setblocking(True)
    client.settimeout(1)
    client.sendall(b"head ")
    peer.hold()
    assert peer.recv(100) == b"head "  # nothing is held yet, so it goes on holding
    peer.sendall(b"go on")
    client.sendall(b"body")
    assert peer.recv(100) == b"body"
    assert client.recv(100) == b"go on"


def test_what_is_held_last_is_flushed(pair: tuple[Peer, socket.socket]) -> None:
    peer, client = pair
    peer.setblocking(True)
    client.settimeout(1)
    peer.hold()
    peer.sendall(b"head")
    peer.flush()
    assert client.recv(100) == b"head"
    peer.flush()
    peer.sendall(b"next")
    assert client.recv(100) == b"next"

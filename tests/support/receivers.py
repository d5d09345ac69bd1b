"""Real HTTP receivers on loopback, each answering in its own bad or good way."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.waiting import PATIENCE


@dataclass
class Received:
    """One request as it came in; `at` is the monotonic clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Receiver:
    """A server whose `behaviour` can be changed between requests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        self.stopping = threading.Event()
        self.certificate = Path()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                with receiver.arrived:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.received.append(Received(self.path, headers, body))
                    receiver.arrived.notify_all()
                with contextlib.suppress(OSError):
                    receiver.behaviour(self)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/T000/B000/secretsecretsecret"

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[Received]:
        """Return what came once `count` requests are in; fails after `timeout` seconds."""
        with self.arrived:
            got = self.arrived.wait_for(lambda: len(self.received) >= count, timeout)
            assert got, f"{len(self.received)} of {count} requests within {timeout} s"
            return list(self.received)

    def close(self) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def hang(seconds: float = 30) -> Behaviour:
    return lambda handler: time.sleep(seconds)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send one byte of a header at a time, forever."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff this is not HTTP at all\r\n\r\n")
    handler.connection.shutdown(socket.SHUT_RDWR)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Ten megabytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(10 * 1024 * 1024))
    handler.end_headers()
    for _ in range(160):
        handler.wfile.write(b"x" * 65536)


def half(handler: BaseHTTPRequestHandler) -> None:
    """Close in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def half_headers(handler: BaseHTTPRequestHandler) -> None:
    """Close in the middle of a header."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tls_receiver() -> Iterator[Receiver]:
    """A receiver on 127.0.0.1 whose certificate (`certificate`, a file) nobody has signed but itself."""
    with tempfile.TemporaryDirectory() as folder, receiver() as made:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.certificate = _own_certificate(Path(folder))
        context.load_cert_chain(made.certificate)
        made.server.socket = context.wrap_socket(made.server.socket, server_side=True, do_handshake_on_connect=False)
        yield made


def _own_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(own + certificate.public_bytes(Encoding.PEM))
    return file


@contextlib.contextmanager
def receiver(behaviour: Behaviour | None = None) -> Iterator[Receiver]:
    made = Receiver(behaviour or answer())
    try:
        yield made
    finally:
        made.close()

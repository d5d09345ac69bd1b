"""Syslog, a process of its own: framing, listeners, keys, and real senders by UDP, TCP and TLS."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from logs.models import IngestRefusal, LogEntry
from logs.syslog import sinks
from services.models import ApiKey, Environment
from tests.support.debian_clients import UNPACKED, client
from tests.support.debian_clients import environment as client_environment
from tests.support.factories import make_key
from tests.support.syslog_server import running
from tests.support.waiting import wait_until

KEY = "pol_" + "0" * 64


db = pytest.mark.django_db(transaction=True)


def stored() -> list[tuple[str, str]]:
    return sorted(LogEntry.objects.values_list("message", "level"))


def run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=60)


@db
def test_logger_by_tcp_counted_and_not_and_by_udp(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = str(client("usr/bin/logger"))
    listeners = [f"tcp://127.0.0.1:1?key={api_key}", f"udp://127.0.0.1:2?key={api_key}&from=127.0.0.0/8"]
    with running(monkeypatch, *listeners) as server:
        to = [logger, "-n", "127.0.0.1", "-t", "shop", "-p", "user.err", "-P"]
        run(
            *to,
            str(server.port()),
            "-T",
            "--rfc5424",
            "--octet-count",
            "--sd-id",
            "x@1",
            "--sd-param",
            'order="7"',
            "counted",
        )
        run(*to, str(server.port()), "-T", "--rfc3164", "by line")
        run(*to, str(server.port(1)), "-d", "datagram")
        wait_until(lambda: LogEntry.objects.count() == 3)
    assert stored() == [("by line", "error"), ("counted", "error"), ("datagram", "error")]
    counted = LogEntry.objects.get(message="counted")
    assert (counted.meta_json["appname"], counted.meta_json["x@1.order"]) == ("shop", "7")
    assert abs((counted.ts - timezone.now()).total_seconds()) < 60


@db
def test_pythons_handler(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, f"tcp://127.0.0.1:1?key={api_key}") as server:
        address = ("127.0.0.1", server.port())
        handler = logging.handlers.SysLogHandler(address=address, socktype=socket.SOCK_STREAM)
        logger = logging.Logger("shop")  # noqa: LOG001 - for this test alone
        logger.addHandler(handler)
        for number in range(1_200):  # several groups
            logger.warning("line %04d", number)
        handler.close()
        wait_until(lambda: LogEntry.objects.count() == 1_200)
    assert list(LogEntry.objects.order_by("id").values_list("message", flat=True)) == [
        f"line {n:04}" for n in range(1_200)
    ]


def certificate(directory: Path) -> tuple[str, str]:
    paths = str(directory / "certificate.pem"), str(directory / "key.pem")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here, which makes the certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


@db
def test_tls_with_the_key_in_the_message(
    api_key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> None:
    settings.SYSLOG_CERTIFICATE, settings.SYSLOG_CERTIFICATE_KEY = certificate(tmp_path)
    trust = ssl.create_default_context(cafile=settings.SYSLOG_CERTIFICATE)
    with running(monkeypatch, "tls://127.0.0.1:1") as server:

        def connect() -> ssl.SSLSocket:
            return trust.wrap_socket(
                socket.create_connection(("127.0.0.1", server.port())), server_hostname="localhost"
            )

        with connect() as peer:
            first = f'<11>1 - vm shop - - [pulseops@32473 key="{api_key}"] first'.encode()
            peer.sendall(b"%d %b" % (len(first), first) + b"26 <12>1 - vm shop - - - next")
            wait_until(lambda: LogEntry.objects.count() == 2)
        for wrong in (b"25 <12>1 - vm shop - - - lost", first.replace(api_key.encode(), KEY.encode())):
            with connect() as peer:
                peer.sendall(wrong if wrong[:2] == b"25" else b"%d %b" % (len(wrong), wrong))
                wait_until(lambda: _is_closed(peer, wrong))  # noqa: B023 - it is called at once
    assert stored() == [("first", "error"), ("next", "warn")]
    assert not LogEntry.objects.filter(meta_json__icontains="pol_").exists()


def _is_closed(peer: socket.socket, again: bytes) -> bool:
    peer.settimeout(0.2)
    try:
        peer.sendall(b"%d %b" % (len(again), again))
        return peer.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@db
def test_a_sender_waits_while_the_database_is_away_and_nothing_is_lost_or_doubled(
    api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, away = sinks.commit_piece, threading.Event()
    away.set()
    tried: list[str] = []

    def commit(*args: Any, **kwargs: Any) -> Any:
        tried.append("")
        if len(tried) == 2:  # it was stored, and the answer was lost
            real(*args, **kwargs)
        if away.is_set():
            raise OperationalError("away")
        return real(*args, **kwargs)

    monkeypatch.setattr(sinks, "commit_piece", commit)
    monkeypatch.setattr(sinks, "_LONGEST_WAIT", 0.05)
    monkeypatch.setattr("django.conf.settings.SYSLOG_BUFFER_BYTES", sinks.LEAST_BYTES)
    with running(monkeypatch, f"tcp://127.0.0.1:1?key={api_key}") as server:
        with socket.create_connection(("127.0.0.1", server.port())) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
            peer.settimeout(60)
            sending = threading.Thread(
                target=peer.sendall, args=[b"".join(b"<11>%06d %b\n" % (n, b"x" * 900) for n in range(2_000))]
            )
            sending.start()
            wait_until(lambda: len(tried) > 5)
            assert sending.is_alive()  # two megabytes are more than is kept for it
            away.clear()
            sending.join(60)
        wait_until(lambda: LogEntry.objects.count() == 2_000)
    assert LogEntry.objects.values("message").distinct().count() == 2_000


@db
def test_what_udp_loses_is_counted_for_the_owner(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "LEAST_BYTES", 1_000)
    monkeypatch.setattr("django.conf.settings.SYSLOG_BUFFER_BYTES", 1_000)
    monkeypatch.setattr(sinks, "GATHER_SECONDS", 1.0)
    with running(monkeypatch, f"udp://127.0.0.1:1?key={api_key}&from=127.0.0.1") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for number in range(20):
                peer.sendto(b"<11>%02d %b" % (number, b"x" * 200), ("127.0.0.1", server.port()))
        wait_until(IngestRefusal.objects.exists)
    refusal = IngestRefusal.objects.get()
    assert (refusal.protocol, refusal.reason) == ("syslog", sinks.DROPPED)
    assert refusal.count + LogEntry.objects.count() == 20


@db
def test_addresses_connections_and_keys_have_limits(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SYSLOG_CONNECTIONS_PER_ADDRESS = 2
    mine, revoked = make_key(environment), make_key(environment)
    ApiKey.objects.exclude(key_hash=ApiKey.objects.order_by("created_at").first().key_hash).update(  # type: ignore[union-attr]
        revoked_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    listeners = [
        f"tcp://127.0.0.1:1?key={mine}&from=192.0.2.0/24", f"tcp://127.0.0.1:2?key={mine}", f"tcp://127.0.0.1:3?key={revoked}"
    ]  # fmt: skip
    with running(monkeypatch, *listeners) as server:
        with socket.create_connection(("127.0.0.1", server.port(0))) as peer:
            wait_until(lambda: _is_closed(peer, b"x"))
        peers = [socket.create_connection(("127.0.0.1", server.port(1))) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", server.port(1))) as third:
            wait_until(lambda: _is_closed(third, b"x"))
        for peer in peers:
            peer.close()
        with socket.create_connection(("127.0.0.1", server.port(2))) as peer:
            wait_until(lambda: _is_closed(peer, b"<11>hello\n"))
    assert not LogEntry.objects.filter(message="hello").exists()


RSYSLOG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{directory}/in")
*.* action(type="omfwd" Target="127.0.0.1" Port="{port}" Protocol="tcp" TCP_Framing="octet-counted"
    Template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1")
"""
SYSLOG_NG = """
@version: 3.38
source in {{ unix-dgram("{directory}/in"); }};
destination out {{ syslog("127.0.0.1" port({port}) transport("tcp")); }};
log {{ source(in); destination(out); }};
"""
FORWARDERS: dict[str, tuple[str, str, list[str]]] = {
    "rsyslog": ("usr/sbin/rsyslogd", RSYSLOG, ["-n", "-f", "{directory}/conf", "-i", "{directory}/pid"]),
    "syslog-ng": (
        "usr/sbin/syslog-ng",
        SYSLOG_NG,
        [
            "-F",
            "--no-caps",
            "-f",
            "{directory}/conf",
            "-R",
            "{directory}/state",
            "-c",
            "{directory}/ctl",
            "-p",
            "{directory}/pid",
        ],
    ),
}


def _module_path(name: str) -> list[str]:
    """Tell an unpacked syslog-ng where its parts are; rsyslog is told by its environment."""
    found = next(iter(UNPACKED.glob("usr/lib/syslog-ng/3.*/")), None) if name == "syslog-ng" else None
    return [f"--module-path={found}"] if found else []


@db
@pytest.mark.parametrize("name", FORWARDERS)
def test_forwarders(name: str, api_key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, conf, options = FORWARDERS[name]
    program = client(path, probe=("-v",) if name == "rsyslog" else ("--version",))
    logger = str(client("usr/bin/logger"))
    with running(monkeypatch, f"tcp://127.0.0.1:1?key={api_key}") as server:
        (tmp_path / "conf").write_text(conf.format(directory=tmp_path, port=server.port()))
        arguments = [each.format(directory=tmp_path) for each in [*options, *_module_path(name)]]
        environment = client_environment()
        with (tmp_path / "out").open("wb") as out:
            process = subprocess.Popen([program, *arguments], env=environment, stdout=out, stderr=out)
        try:
            wait_until(lambda: (tmp_path / "in").exists() or process.poll() is not None)
            assert process.poll() is None, (tmp_path / "out").read_text()
            run(logger, "-u", str(tmp_path / "in"), "-t", "shop", "-p", "user.warning", "forwarded")
            wait_until(lambda: LogEntry.objects.filter(message="forwarded").exists())
        finally:
            process.terminate()
            process.wait(20)
    log = LogEntry.objects.get(message="forwarded")
    assert (log.level, log.meta_json["appname"]) == ("warn", "shop")


def test_systemd_gives_the_socket(tmp_path: Path) -> None:
    """A parent that does what systemd does for a unit with a socket (sd_listen_fds(3))."""
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        given.listen()
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_FDS'] = '1';"
            "os.environ['LISTEN_PID'] = str(os.getpid());"
            "from logs.syslog.server import inherited_sockets; print(inherited_sockets()[0].getsockname()[1])"
        )
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            [os.sys.executable, "-c", f"import django; django.setup(); {script}", str(given.fileno())],  # type: ignore[attr-defined]
            pass_fds=[given.fileno()], cwd=root, capture_output=True, text=True, check=False,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert re.findall(r"\d+", done.stdout)[-1:] == [str(given.getsockname()[1])], done.stderr

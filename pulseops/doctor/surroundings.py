"""What the doctor sees around the installation: disks, Redis, mail, and the address under which people find it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.mail import get_connection

from notifications.queries import hosts_in_use
from pulseops.core.db.row_security import outside_the_wall
from pulseops.core.outbound.client import RefusedError, UnreachableError, exchange
from pulseops.doctor.findings import Finding, Level, ok
from pulseops.pages.banners import data_disk

SECONDS = 5.0  # for each that is asked
_CERTIFICATE_DAYS = 14
_HOSTS = 5  # that are tried, all at once
_GIB = 1024**3


def disk() -> Iterator[Finding]:
    """Whether there is room; of an embedded database only, another's disk cannot be seen."""
    result = data_disk()
    if result is None:
        yield ok("Disk", "The database is on another server, whose disk cannot be seen from here.")
    elif result.is_near_full:
        text = f"{result.free / _GIB:.1f} GiB are free. When it is full, no log is accepted."
        yield Finding(Level.PROBLEM, "Disk", text, "Free space, shorten retention, or move PULSEOPS_DATA_DIR.")
    else:
        yield ok("Disk", f"{result.free / _GIB:.1f} of {result.total / _GIB:.1f} GiB are free.")


def backup_directory() -> Iterator[Finding]:
    """Whether backups can be written where BACKUP_DIR says, by the user that asks."""
    if not settings.BACKUP_DIR:
        return
    directory = Path(settings.BACKUP_DIR)
    try:
        with TemporaryFile(dir=next(each for each in (directory, *directory.parents) if each.exists())):
            yield ok("Backup directory", f"{directory} can be written.")
    except OSError as error:
        text = f"{directory}, BACKUP_DIR, cannot be written: {error.strerror}."
        yield Finding(
            Level.PROBLEM, "Backup directory", text, "Give it to the user that runs PulseOps, or name another."
        )


def redis_server() -> Iterator[Finding]:
    """Whether Redis answers, where it is queue and cache."""
    if not settings.REDIS_URL:
        return
    from redis.exceptions import RedisError  # noqa: PLC0415  # large, and most have no Redis

    from pulseops.core.redis_client import RedisQueue  # noqa: PLC0415

    try:
        RedisQueue.get_connection().ping()
    except RedisError as error:
        text = f"The server of REDIS_URL does not answer, and the worker stands still: {error}"
        yield Finding(Level.PROBLEM, "Redis", text, "Start it, or correct REDIS_URL.")
    else:
        yield ok("Redis", "The server of REDIS_URL answers.")


def mail() -> Iterator[Finding]:
    """Whether the mail server takes us, where one is set."""
    if not settings.EMAIL_URL:
        yield ok("Mail", "EMAIL_URL is not set: no mail is sent.")
        return
    backend = get_connection(timeout=SECONDS)
    try:
        backend.open()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
        yield Finding(
            Level.PROBLEM, "Mail", f"The server of EMAIL_URL does not take us: {error}.", "Correct EMAIL_URL."
        )
        return
    finally:
        backend.close()
    yield ok("Mail", "The server of EMAIL_URL takes us.")


def public_url() -> Iterator[Finding]:
    """Whether PUBLIC_URL leads here, and its certificate will last."""
    url = urlsplit(settings.PUBLIC_URL)
    if url.scheme == "https":
        yield _certificate(url.hostname or "", url.port or 443)
        if not settings.TRUSTED_PROXIES:
            yield Finding(
                Level.WARNING,
                "Proxies",
                "PUBLIC_URL is https, so a proxy stands in front, but TRUSTED_PROXIES is 0: every client seems to have "
                "the proxy's address, and they share its limits.",
                "Set TRUSTED_PROXIES to the number of proxies that add to X-Forwarded-For.",
            )
    yield _answer()


def outgoing() -> Iterator[Finding]:
    """Whether the hosts answer that messages go to and people sign in by, as our own requests reach them."""
    private = {each.partition(":")[0] for each in settings.OUTGOING_PRIVATE_HOSTS}
    with outside_the_wall("the doctor looks at all organisations"):
        urls = [f"https://{host}/" for host in hosts_in_use(_HOSTS) if host not in private]
    urls += [settings.OIDC_ISSUER] if settings.OIDC_ISSUER else []
    with ThreadPoolExecutor(_HOSTS) as threads:
        failures = [finding for finding in threads.map(_reach, urls) if finding]
    yield from failures
    if not failures:
        many = f"{len(urls)} host{'s' if len(urls) != 1 else ''} that we send to, all of which answer."
        yield ok("Outgoing", many if urls else "No channel is on that sends to another host.")


def _reach(url: str) -> Finding | None:
    """Return what keeps a request of ours from arriving; any answer is one."""
    try:
        exchange("HEAD", url, b"", {}, SECONDS)
    except (RefusedError, UnreachableError) as error:
        advice = "Let this machine resolve names and connect to port 443; OUTGOING_CA_BUNDLE names other certificates."
        return Finding(Level.WARNING, "Outgoing", f"{urlsplit(url).hostname} cannot be reached: {error}", advice)
    return None


def _answer() -> Finding:
    subject, health = "Public address", f"{settings.PUBLIC_URL.rstrip('/')}/api/health"
    advice = "Start the web server; behind a proxy, look whether it forwards to it."
    try:
        # Not by the guarded client: this is the operator's own address, which may well be a private one.
        response = requests.get(
            health, timeout=SECONDS, allow_redirects=False, verify=settings.OUTGOING_CA_BUNDLE or True
        )
        is_ours = response.status_code == 200 and response.json() == {"data": {"ok": True}}
    except requests.JSONDecodeError:
        is_ours = False
    except requests.RequestException as error:
        text = f"{settings.PUBLIC_URL} does not answer ({type(error).__name__})."
        return Finding(Level.WARNING, subject, text, advice)
    if not is_ours:
        text = f"{health} answers {response.status_code}, and not as PulseOps does."
        return Finding(Level.WARNING, subject, text, "Another program has this address, or a proxy answers for us.")
    return ok(subject, f"{settings.PUBLIC_URL} answers.")


def _certificate(host: str, port: int) -> Finding:
    context = ssl.create_default_context(cafile=settings.OUTGOING_CA_BUNDLE or None)
    try:
        with socket.create_connection((host, port), SECONDS) as plain:
            plain.settimeout(SECONDS)
            with context.wrap_socket(plain, server_hostname=host) as secured:
                ends = str((secured.getpeercert() or {}).get("notAfter", ""))
    except ssl.SSLCertVerificationError as error:
        text = f"That of {host} is not accepted: {error.verify_message}."
        return Finding(Level.PROBLEM, "Certificate", text, "Renew it, with its whole chain.")
    except OSError as error:
        return Finding(Level.WARNING, "Certificate", f"{host}:{port} could not be asked for it: {error}.")
    days = (datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) - datetime.now(UTC)).days
    if days < _CERTIFICATE_DAYS:
        return Finding(Level.WARNING, "Certificate", f"That of {host} ends in {days} days.", "See that it is renewed.")
    return ok("Certificate", f"That of {host} lasts {days} more days.")

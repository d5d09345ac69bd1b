"""A real OpenID Connect provider (the package oidc-provider-mock) as a process on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.test import Client

from tests.support.installation import free_port
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class IdentityProvider:
    """Where it is, and what it is told to say."""

    host: str

    @property
    def issuer(self) -> str:
        return f"http://{self.host}"

    def knows(self, subject: str, **claims: Any) -> None:
        """Let it know someone."""
        requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()

    def sign_in(self, client: Client, start: str, subject: str, **form: str) -> Any:
        """Go from our page `start` to the provider, sign in there as `subject`, and come back; returns our answer."""
        away = client.get(start)
        assert away.status_code == 302, away.content
        back = requests.post(away["Location"], {"sub": subject, **form}, allow_redirects=False, timeout=10)
        parts = urlsplit(back.headers["Location"])
        return client.get(f"{parts.path}?{parts.query}")


@contextmanager
def running_provider() -> Iterator[IdentityProvider]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    provider = IdentityProvider(f"127.0.0.1:{port}")
    try:
        wait_until(lambda: _answers(provider), told="the identity provider does not answer", every=0.1)
        yield provider
    finally:
        process.terminate()
        process.wait(30)


def _answers(provider: IdentityProvider) -> bool:
    try:
        return requests.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=5).ok
    except requests.ConnectionError:
        return False

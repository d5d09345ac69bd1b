"""GitHub as a sender: its documented payloads, its signatures, its headers."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import uuid
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from accounts.models import Org
from deployments.github.signatures import derive_secret, hash_secret
from deployments.models import GitHubIntegration
from tests.support.factories import make_service

PATH = "/api/v1/github/webhook"
PAYLOADS = Path(__file__).parent / "payloads"
OWNER, NAME = "northwind-labs", "checkout"
SHA = "9c1f0b7e52d84a6f3e0d7c5b1a29486f70e3d5a2"


@cache
def _document(event: str) -> Any:
    return json.loads((PAYLOADS / f"{event}.json").read_text(encoding="utf-8"))


def payload(event: str, **changes: Any) -> dict[str, Any]:
    """Return the documented payload of `event`; `workflow_run__run_attempt=2` changes a field inside."""
    made: dict[str, Any] = copy.deepcopy(_document(event))
    for path, value in changes.items():
        *parents, field = path.split("__")
        inner = made
        for parent in parents:
            inner = inner[parent]
        inner[field] = value
    return made


def run_event(action: str, *, attempt: int = 1, conclusion: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a workflow_run event as GitHub sends it at this stage of the run."""
    status = {"requested": "queued", "in_progress": "in_progress", "completed": "completed"}[action]
    return payload(
        "workflow_run",
        action=action,
        workflow_run__status=status,
        workflow_run__conclusion=conclusion,
        workflow_run__run_attempt=attempt,
        **changes,
    )


def make_integration(
    org: Org, service: str = "checkout", *, owner: str = OWNER, name: str = NAME, **fields: Any
) -> GitHubIntegration:
    """Connect a new service of `org` to the repository of the payloads, `main` going to production."""
    integration = GitHubIntegration(
        service=make_service(org, service),
        repo_owner=owner,
        repo_name=name,
        secret_version=1,
        environment_mapping={"main": "production"},
        **fields,
    )
    integration.webhook_secret_hash = hash_secret(derive_secret(integration))
    integration.save(force_insert=True)
    return integration


def sign(body: bytes, secret: str) -> str:
    """Sign as GitHub documents it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encode(content: Any) -> bytes:
    """Write JSON as compactly as GitHub does; bytes are left alone."""
    if isinstance(content, bytes):
        return content
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def headers(event: str, signature: str, delivery_id: str = "") -> dict[str, str]:
    """Return what GitHub sends along."""
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery_id or str(uuid.uuid4()),
        "X-GitHub-Hook-ID": "527713390",
        "X-GitHub-Hook-Installation-Target-ID": "734905112",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-Hub-Signature-256": signature,
        "User-Agent": "GitHub-Hookshot/7f3a1b2",
        "Accept": "*/*",
    }


def deliver(
    integration: GitHubIntegration,
    event: str,
    content: Any,
    *,
    delivery_id: str = "",
    form: bool = False,
    path: str = PATH,
    secret: str = "",
) -> Any:
    """Send `content` through Django's client, signed with the integration's secret unless another is given."""
    body = encode(content)
    kind = "application/json"
    if form:
        body, kind = urlencode({"payload": body.decode()}).encode(), "application/x-www-form-urlencoded"
    signature = sign(body, secret or derive_secret(integration))
    return Client().post(path, body, content_type=kind, headers=headers(event, signature, delivery_id))

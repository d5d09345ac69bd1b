"""The fields that we use of GitHub's events, out of the hundreds that come; msgspec skips the others.

What cannot be done without has no default: a payload without it is refused with the path of what is missing.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Attempt = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Sha = Annotated[str, msgspec.Meta(min_length=1)]


class Person(msgspec.Struct):
    name: str | None = None
    login: str | None = None


class RepositoryFields(msgspec.Struct):
    full_name: str | None = None
    name: str | None = None
    owner: Person | None = None
    html_url: str | None = None
    pushed_at: int | str | None = None


class CommitFields(msgspec.Struct):
    message: str | None = None
    author: Person | None = None
    timestamp: str | None = None


class PushEvent(msgspec.Struct):
    ref: str
    after: Sha
    repository: RepositoryFields
    deleted: bool = False
    head_commit: CommitFields | None = None
    pusher: Person | None = None
    compare: str | None = None


class RepositoryId(msgspec.Struct):
    id: int | None = None


class RunFields(msgspec.Struct):
    id: Id
    head_sha: Sha
    run_attempt: Attempt | None = None
    run_number: int | None = None
    name: str | None = None
    display_title: str | None = None
    head_branch: str | None = None
    event: str | None = None
    status: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    created_at: str | None = None
    run_started_at: str | None = None
    updated_at: str | None = None
    head_commit: CommitFields | None = None
    actor: Person | None = None
    triggering_actor: Person | None = None
    head_repository: RepositoryId | None = None
    repository: RepositoryId | None = None


class RunEvent(msgspec.Struct):
    workflow_run: RunFields


class DeploymentFields(msgspec.Struct):
    id: Id
    sha: Sha
    environment: str
    ref: str | None = None
    description: str | None = None
    creator: Person | None = None
    created_at: str | None = None


class StatusFields(msgspec.Struct):
    state: str
    environment: str | None = None
    created_at: str | None = None
    log_url: str | None = None
    target_url: str | None = None


class DeploymentEvent(msgspec.Struct):
    deployment: DeploymentFields
    workflow_run: RunFields | None = None


class DeploymentStatusEvent(DeploymentEvent, kw_only=True):
    deployment_status: StatusFields

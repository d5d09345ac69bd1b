"""What GitHub's payloads say about a deployment: the few fields that we use, out of the hundreds that come.

Event names and fields: https://docs.github.com/en/webhooks/webhook-events-and-payloads
Only a body whose signature was verified gets here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.utils import timezone

from deployments.github.payload_schema import (
    CommitFields,
    DeploymentEvent,
    DeploymentFields,
    DeploymentStatusEvent,
    Person,
    PushEvent,
    RepositoryFields,
    RunEvent,
    RunFields,
    StatusFields,
)
from deployments.models import Deployment
from deployments.sanitize import MESSAGE_LENGTH, NAME_LENGTH, SHA_LENGTH, clean, clean_url
from deployments.states import DEPLOYMENT_STATES, PENDING, RUN_CONCLUSIONS, State, certainty

Source = Deployment.Source


class InvalidPayloadError(Exception):
    """The body is not a JSON object."""


class Rollout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One report about one deployment, as it is applied and, for a replay, stored. Times are UTC."""

    source: str
    status: str
    commit_sha: str
    begun_at: datetime
    outcome: str = ""
    finished_at: datetime | None = None
    branch: str = ""
    environment: str = ""  # GitHub's name; empty where only the branch can tell
    message: str = ""
    author: str = ""
    is_commit_known: bool = False
    run_label: str = ""
    workflow: str = ""
    url: str = ""
    run_id: int | None = None
    run_attempt: int | None = None
    github_deployment_id: int | None = None

    @property
    def certainty(self) -> int:
        """How surely the status is known; see `deployments.states`."""
        return certainty(self.source, self.status)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload comes to: a rollout to apply, or the reason why there is none."""

    repository: str = ""  # owner/name
    action: str = ""
    rollout: Rollout | None = None
    reason: str = ""
    is_valid: bool = True


def read_payload(event_type: str, payload: bytes) -> Reading:
    """Read the JSON `payload` of a GitHub event.

    A known event with missing or mistyped fields gives a reading that is not valid and says what is wrong. Raises
    InvalidPayloadError when it is not a JSON object at all.
    """
    head = _read_head(payload)
    action = head.action_name()
    repository = head.repository_name()
    reader = _READERS.get(event_type)
    if reader is None:
        return Reading(repository, action, reason=f"The event {event_type} is not used.")
    try:
        result = reader(payload)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError) as error:
        return Reading(repository, action, reason=f"Not as documented: {clean(str(error), 300)}", is_valid=False)
    if isinstance(result, str):
        return Reading(repository, action, reason=clean(result, 300))
    return Reading(repository, action, rollout=result)


class _Head(msgspec.Struct):
    """What every event has; nothing here is refused, so that any object gets a line in the delivery log."""

    action: msgspec.Raw = msgspec.Raw(b"null")
    repository: msgspec.Raw = msgspec.Raw(b"{}")

    def action_name(self) -> str:
        text = bytes(self.action)
        return clean(msgspec.json.decode(text, type=str), NAME_LENGTH) if text[:1] == b'"' else ""

    def repository_name(self) -> str:
        try:
            result = msgspec.json.decode(self.repository, type=RepositoryFields)
        except (msgspec.MsgspecError, RecursionError):
            return ""
        if result.full_name:
            return clean(result.full_name, NAME_LENGTH)
        owner = (result.owner.login or result.owner.name) if result.owner else ""
        return clean(f"{owner}/{result.name}", NAME_LENGTH) if owner and result.name else ""


def _read_head(payload: bytes) -> _Head:
    try:
        return msgspec.json.decode(payload, type=_Head)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidPayloadError(clean(str(error), 300)) from error


# -- From event to rollout -------------------------------------------------------------------------------------------


def _read_ping(payload: bytes) -> str:
    return "GitHub reaches this webhook, and the signature is right."


def _read_push(payload: bytes) -> Rollout | str:
    push = msgspec.json.decode(payload, type=PushEvent)
    kind, _, branch = push.ref.removeprefix("refs/").partition("/")
    if push.deleted or not push.after.strip("0"):
        return f"{branch or push.ref} was deleted."
    if kind != "heads":
        return f"{push.ref} is not a branch."
    commit = push.head_commit or CommitFields()
    return Rollout(
        source=Source.PUSH,
        status=PENDING.status,
        commit_sha=clean(push.after, SHA_LENGTH),
        begun_at=_moment(push.repository.pushed_at) or timezone.now(),
        branch=clean(branch, NAME_LENGTH),
        message=clean(commit.message, MESSAGE_LENGTH),
        author=_name(commit.author, push.pusher),
        is_commit_known=push.head_commit is not None,
        url=clean_url(push.compare),
    )


def _read_run(payload: bytes) -> Rollout | str:
    run = msgspec.json.decode(payload, type=RunEvent).workflow_run
    if _is_of_pull_request(run):
        return "The run is a pull request's: it deploys nothing."
    state = _run_state(run)
    if state is None:
        return f"The conclusion {clean(run.conclusion, NAME_LENGTH)} is not known."
    return Rollout(
        source=Source.RUN,
        status=state.status,
        outcome=state.outcome,
        commit_sha=clean(run.head_sha, SHA_LENGTH),
        begun_at=_moment(run.run_started_at) or _moment(run.created_at) or timezone.now(),
        finished_at=_moment(run.updated_at) or timezone.now() if state != PENDING else None,
        branch=clean(run.head_branch, NAME_LENGTH),
        message=clean(run.head_commit.message, MESSAGE_LENGTH) if run.head_commit else "",
        author=_name(run.head_commit.author if run.head_commit else None, run.triggering_actor, run.actor),
        is_commit_known=run.head_commit is not None,
        **_run_key(run),
    )


def _is_of_pull_request(run: RunFields) -> bool:
    """A fork's branch may be called `main` too: what it runs must never count as our deployment."""
    if run.event in {"pull_request", "pull_request_target"}:
        return True
    head, base = run.head_repository, run.repository
    return bool(head and base and head.id and base.id and head.id != base.id)


def _run_state(run: RunFields) -> State | None:
    if run.status != "completed" and run.conclusion is None:
        return PENDING
    return RUN_CONCLUSIONS.get(run.conclusion or "")


def _read_deployment(payload: bytes) -> Rollout | str:
    event = msgspec.json.decode(payload, type=DeploymentEvent)
    return _deployment_rollout(event, PENDING, None)


def _read_deployment_status(payload: bytes) -> Rollout | str:
    event = msgspec.json.decode(payload, type=DeploymentStatusEvent)
    report = event.deployment_status
    state = DEPLOYMENT_STATES.get(report.state)
    if state is None:
        return f"The state {clean(report.state, NAME_LENGTH)} says nothing about how the deployment went."
    return _deployment_rollout(event, state, report)


def _deployment_rollout(event: DeploymentEvent, state: State, report: StatusFields | None) -> Rollout:
    deployment, run = event.deployment, event.workflow_run
    named = (report.environment if report else None) or deployment.environment
    branch = (run.head_branch if run else None) or deployment.ref
    sha = run.head_sha if run else deployment.sha
    finished_at = (_moment(report.created_at) or timezone.now()) if report and state != PENDING else None
    return Rollout(
        source=Source.DEPLOYMENT,
        status=state.status,
        outcome=state.outcome,
        commit_sha=clean(sha, SHA_LENGTH),
        begun_at=_moment(deployment.created_at) or timezone.now(),
        finished_at=finished_at,
        branch=clean(branch if branch != sha else "", NAME_LENGTH).removeprefix("refs/heads/"),
        environment=clean(named, NAME_LENGTH),
        message=clean(run.display_title if run else deployment.description, MESSAGE_LENGTH),
        author=_name(run.triggering_actor if run else None, run.actor if run else None, deployment.creator),
        **(_run_key(run) if run else _bare_key(deployment, report)),
    )


def _run_key(run: RunFields) -> dict[str, Any]:
    name = clean(run.name, NAME_LENGTH)
    label = clean(f"{name} #{run.run_number}", NAME_LENGTH) if name and run.run_number else name
    return {
        "run_id": run.id,
        "run_attempt": run.run_attempt or 1,
        "run_label": label,
        "workflow": name,
        "url": clean_url(run.html_url),
    }


def _bare_key(deployment: DeploymentFields, report: StatusFields | None) -> dict[str, Any]:
    address = (report.log_url or report.target_url) if report else None
    return {"github_deployment_id": deployment.id, "url": clean_url(address)}


def _name(*people: Person | None) -> str:
    for person in people:
        if person and (person.name or person.login):
            return clean(person.name or person.login, NAME_LENGTH)
    return ""


def _moment(value: int | str | None) -> datetime | None:
    """Read a time as GitHub writes it: RFC 3339, in pushes also seconds since 1970. Never later than now."""
    if value is None or value == "":
        return None
    moment = datetime.fromtimestamp(value, UTC) if isinstance(value, int) else datetime.fromisoformat(value)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return min(moment, timezone.now())


_READERS: dict[str, Callable[[bytes], Rollout | str]] = {
    "ping": _read_ping,
    "push": _read_push,
    "workflow_run": _read_run,
    "deployment": _read_deployment,
    "deployment_status": _read_deployment_status,
}

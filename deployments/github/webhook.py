"""GitHub's webhooks: whose it is, whether it was seen, and what it does; all of it or nothing.

A delivery is verified against the raw body before anything is parsed. Its row, the line in each integration's delivery
log and what it does to a deployment are one transaction, so whatever fails leaves nothing and GitHub's redelivery does
all of it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from deployments.github.mapping import UnmappedError, target_environment
from deployments.github.payloads import InvalidPayloadError, Reading, Rollout, read_payload
from deployments.github.signatures import is_signed_by, is_signed_with
from deployments.github.signer_lookup import all_integrations, named_integrations
from deployments.models import GitHubIntegration, WebhookEffect
from deployments.quotas import has_room_for_delivery, too_many_deliveries
from deployments.rollouts import record_rollout
from pulseops.core.web.json_errors import ApiError
from services.queries import environments_with_service

log = logging.getLogger(__name__)
Result = WebhookEffect.Result
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}\Z")
_REFUSAL_NOTED_EVERY = timedelta(minutes=1)


class InvalidSignatureError(Exception):
    """No one here has a secret that this was signed with."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it came. `payload` is the JSON of `body`: the body itself, or one field of a form."""

    delivery_id: str
    event_type: str
    body: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery; `problem` says what is wrong with a payload that cannot be read."""

    is_duplicate: bool
    problem: str = ""


@dataclass(slots=True)
class _Outcome:
    result: WebhookEffect.Result
    reason: str
    deployment_id: int | None = None


def verified_integrations(body: bytes, *, signature: str, hinted: GitHubIntegration | None) -> list[GitHubIntegration]:
    """Return the integrations whose secret `body` was signed with; none when it was GITHUB_WEBHOOK_SECRET alone.

    `hinted` is the one that the address names. Raises InvalidSignatureError when it was neither.
    """
    named = [hinted] if hinted else named_integrations(body)
    verified = [each for each in named if is_signed_by(each, body, signature)]
    if not named:
        verified = [each for each in all_integrations(body) if is_signed_by(each, body, signature)]
    shared = settings.GITHUB_WEBHOOK_SECRET
    if verified or (shared and is_signed_with(shared, body, signature)):
        return verified
    _note_refusal(named)
    raise InvalidSignatureError


def admitted_integrations(verified: Sequence[GitHubIntegration]) -> list[GitHubIntegration]:
    """Return those of `verified` whose organisations may be told of deliveries now.

    Raises ApiError where there are some and none may: 403 for suspended organisations, 429 beyond
    QUOTA_WEBHOOKS_PER_MINUTE.
    """
    awake = [each for each in verified if each.service.org.suspended_at is None]
    if verified and not awake:
        raise ApiError("FORBIDDEN", "The organisation of this integration is suspended.")
    orgs = {each.service.org_id for each in awake}
    with_room = {org_id for org_id in orgs if has_room_for_delivery(org_id)}
    if orgs and not with_room:
        raise too_many_deliveries()
    return [each for each in awake if each.service.org_id in with_room]


def well_formed(signature: str, hinted: GitHubIntegration | None) -> str:
    """Return the X-Hub-Signature-256 header if it could be a signature, so that a body is worth reading.

    Raises InvalidSignatureError. GitHub sends none where the webhook was given no secret: that is noted for `hinted`.
    """
    if _SIGNATURE.match(signature):
        return signature
    _note_refusal([hinted] if hinted else [])
    raise InvalidSignatureError


def _note_refusal(named: Sequence[GitHubIntegration]) -> None:
    """Leave a trace for the admin who pasted the wrong secret; one write a minute, for anyone can cause it."""
    now = timezone.now()
    GitHubIntegration.objects.filter(
        Q(last_refused_at=None) | Q(last_refused_at__lt=now - _REFUSAL_NOTED_EVERY), pk__in=[i.pk for i in named]
    ).update(last_refused_at=now)
    log.warning("webhook signature refused", extra={"integrations": [str(each.pk) for each in named[:5]]})


def receive_delivery(delivery: Delivery, integrations: Sequence[GitHubIntegration]) -> Receipt:
    """Do what `delivery` says, for each of `integrations` that it was verified for; see the head of this file."""
    reading = _read(delivery)
    digest = hashlib.sha256(delivery.body).hexdigest()
    with transaction.atomic():
        whose: Sequence[GitHubIntegration | None] = integrations or [None]
        news = [_receive_for(each, delivery, reading, digest) for each in whose]
    return Receipt(is_duplicate=not any(news), problem="" if reading.is_valid else reading.reason)


def _read(delivery: Delivery) -> Reading:
    try:
        return read_payload(delivery.event_type, delivery.payload)
    except InvalidPayloadError as error:
        return Reading(reason=f"Not a JSON object: {error}", is_valid=False)


# Note the delivery, once for all integrations, and take its line of this integration's log; anyone else has just taken
# it is waited for.
_TAKE_LINE = """
WITH noted AS (
    INSERT INTO webhook_deliveries (delivery_id, integration_id, event_type, payload_hash)
    VALUES (%(delivery)s, %(integration)s, %(event)s, %(hash)s)
    ON CONFLICT (delivery_id) DO NOTHING
    RETURNING 1
)
INSERT INTO webhook_effects (integration_id, delivery_id, event_type, action, payload_hash, result, reason, received_at)
VALUES (%(integration)s, %(delivery)s, %(event)s, %(action)s, %(hash)s, 'ignored', '', now())
ON CONFLICT (integration_id, delivery_id) DO UPDATE SET delivery_id = excluded.delivery_id
RETURNING id, xmax = 0, result, NOT EXISTS (SELECT FROM noted)
"""


def _receive_for(integration: GitHubIntegration | None, delivery: Delivery, reading: Reading, digest: str) -> bool:
    """Return whether this was news to the integration.

    A redelivery of what was not applied is applied again, because the mapping may be right by now; it is news if it
    is applied this time.
    """
    key = {
        "integration": integration.pk if integration else None,
        "delivery": delivery.delivery_id,
        "event": delivery.event_type,
        "action": reading.action,
        "hash": digest,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_LINE, key)
        line, is_new, result, was_noted = cursor.fetchone()
    if not is_new and result == Result.APPLIED:
        return False
    if is_new and was_noted and _was_kept_before(delivery, line):
        _write_line(line, _Outcome(Result.APPLIED, "Received before the delivery log began."))
        return False
    outcome = _apply(integration, reading, delivery.delivery_id)
    _write_line(line, outcome, event_json=_as_json(reading.rollout))
    return bool(is_new) or outcome.result == Result.APPLIED


def _was_kept_before(delivery: Delivery, line: int) -> bool:
    """Return whether an older installation received this: it kept deliveries, but no log of what they did."""
    return not WebhookEffect.objects.filter(delivery_id=delivery.delivery_id).exclude(pk=line).exists()


def _write_line(line: int, outcome: _Outcome, **fields: Any) -> None:
    WebhookEffect.objects.filter(pk=line).update(
        result=outcome.result, reason=outcome.reason, deployment_id=outcome.deployment_id, **fields
    )


def _apply(integration: GitHubIntegration | None, reading: Reading, delivery_id: str) -> _Outcome:
    if not reading.is_valid:
        return _Outcome(Result.INVALID, reading.reason)
    if integration is None:
        return _Outcome(Result.IGNORED, f"No integration maps the repository {reading.repository or 'of this event'}.")
    if reading.repository and not integration.is_of(reading.repository):
        return _Outcome(Result.IGNORED, f"It is of {reading.repository}, not of {integration.repository}.")
    if reading.rollout is None:
        return _Outcome(Result.IGNORED, reading.reason)
    if not reading.repository:
        return _Outcome(Result.INVALID, "It does not say which repository it is of.")
    return _apply_rollout(integration, reading.rollout, delivery_id)


def _apply_rollout(integration: GitHubIntegration, rollout: Rollout, delivery_id: str) -> _Outcome:
    environments = environments_with_service(integration.service_id)
    try:
        environment = target_environment(integration, environments, rollout)
    except UnmappedError as error:
        return _Outcome(Result.IGNORED, str(error))
    deployment = record_rollout(environment=environment, rollout=rollout, delivery_id=delivery_id)
    said = rollout.outcome.replace("_", " ") or rollout.status
    return _Outcome(Result.APPLIED, f"{environment.name}: {said}", deployment.pk)


def reapply(effect: WebhookEffect) -> WebhookEffect:
    """Do again what a stored delivery said, by the mapping as it is now. Runs inside the caller's transaction."""
    integration = effect.integration
    assert integration is not None
    assert effect.event_json is not None
    rollout = msgspec.convert(effect.event_json, Rollout)
    outcome = _apply_rollout(integration, rollout, effect.delivery_id)
    _write_line(effect.pk, outcome, replayed_at=timezone.now())
    effect.refresh_from_db()
    return effect


def _as_json(rollout: Rollout | None) -> Any:
    return msgspec.to_builtins(rollout) if rollout else None

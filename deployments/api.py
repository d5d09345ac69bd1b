"""What machines call: GitHub's webhooks, and the deployments API for any other CI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from accounts.tenancy import public
from deployments.actions import AlreadyEndedError, Scope, report_deployment
from deployments.api_payload import read_report
from deployments.github.signer_lookup import LARGE_BODY, hinted_integration
from deployments.github.webhook import (
    Delivery,
    InvalidSignatureError,
    admitted_integrations,
    receive_delivery,
    verified_integrations,
    well_formed,
)
from deployments.models import Deployment, GitHubIntegration
from deployments.quotas import spend_deployment
from pulseops.core.web.body import BodyIncompleteError, BodyTooLargeError, read_body
from pulseops.core.web.json_errors import ApiError, json_data, json_error
from pulseops.core.web.machine_routes import machine_route
from services.authentication import Credential, authenticate, touch
from services.models import ApiKey

_WORD = re.compile(r"[\x21-\x7e]{1,200}\Z")
_FORM = "application/x-www-form-urlencoded"
WEBHOOK_MAX_BYTES = 26 * 1024 * 1024  # GitHub sends up to 25 MB
FORM_MAX_BYTES = 4 * 1024 * 1024  # a form's percents cost a hundred times as much to read as JSON
_TOO_LARGE = (
    "A delivery has at most 25 MB, as a form 4 MB, and 1 MB where the address does not name the integration; "
    "the integration's page shows the address and the content type to use."
)


@public
@machine_route
def create(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/deployments: 201 for a new deployment, 200 for one that its external id names."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Send a POST.", allow=["POST"])
    try:
        credential = Credential.of(request.META, ApiKey.Scope.DEPLOYMENTS, "deployments")
        key = authenticate(credential).scope
        spend_deployment(key.org_id)
        report = read_report(request)
        deployment, is_new = report_deployment(
            scope=Scope(key.org_id, key.service_id, key.environment_id), report=report
        )
    except IntegrityError:  # the key's environment was deleted this very moment, and the key with it
        return json_error("FORBIDDEN", "This API key is unknown or revoked.")
    except AlreadyEndedError as error:
        return json_error("CONFLICT", str(error))
    except ApiError as error:
        return error.response()
    touch(key.key_id, credential)
    return json_data(_as_data(deployment), status=201 if is_new else 200)


def _as_data(deployment: Deployment) -> dict[str, Any]:
    path = reverse("deployments:detail", args=[deployment.pk])
    return {
        "id": deployment.pk,
        "status": deployment.status,
        "commit_sha": deployment.commit_sha,
        "external_id": deployment.external_id,
        "url": f"{settings.PUBLIC_URL}{path}",
    }


@public
@machine_route
def webhook(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/github/webhook, as docs/deployments.md describes it."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Send a POST.", allow=["POST"])
    delivery_id = request.headers.get("x-github-delivery", "")
    event_type = request.headers.get("x-github-event", "")
    if not (_WORD.match(delivery_id) and _WORD.match(event_type)):
        return JsonResponse({"error": "Missing headers"}, status=400)
    hinted = hinted_integration(request.GET.get("integration", ""))
    try:
        signature = well_formed(request.headers.get("x-hub-signature-256", ""), hinted)
        body = read_body(request, _most_bytes(request, hinted))
        integrations = verified_integrations(body, signature=signature, hinted=hinted)
    except BodyTooLargeError:
        return json_error("PAYLOAD_TOO_LARGE", _TOO_LARGE)
    except BodyIncompleteError:
        return json_error("BAD_REQUEST", "The body did not arrive whole.")
    except InvalidSignatureError:
        return JsonResponse({"error": "Invalid signature"}, status=401)
    try:
        admitted = admitted_integrations(integrations)
    except ApiError as error:
        return error.response()
    return _answer(Delivery(delivery_id, event_type, body, _payload(request, body)), admitted)


def _most_bytes(request: HttpRequest, hinted: GitHubIntegration | None) -> int:
    if hinted is None:
        return LARGE_BODY
    return FORM_MAX_BYTES if request.content_type == _FORM else WEBHOOK_MAX_BYTES


def _answer(delivery: Delivery, integrations: Sequence[GitHubIntegration]) -> HttpResponse:
    receipt = receive_delivery(delivery, integrations)
    if receipt.problem:
        return json_error("BAD_REQUEST", receipt.problem)
    return json_data({"ok": True, "deduped": True} if receipt.is_duplicate else {"ok": True})


def _payload(request: HttpRequest, body: bytes) -> bytes:
    """Return the JSON of a delivery: the body, or its field `payload` when the webhook is set to send a form."""
    if request.content_type != _FORM:
        return body
    try:
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10, errors="surrogateescape"))
    except ValueError:
        return b""
    return fields.get("payload", "").encode("utf-8", "surrogateescape")

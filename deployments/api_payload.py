"""What the deployments API takes: read, checked, and refused with the path of what is wrong."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from django.http import HttpRequest

from deployments.actions import Report
from deployments.models import Deployment
from deployments.sanitize import MESSAGE_LENGTH, NAME_LENGTH, SHA_LENGTH, URL_LENGTH, clean, clean_url
from pulseops.core.web.body import BodyIncompleteError, BodyTooLargeError, read_body
from pulseops.core.web.json_errors import ApiError

MAX_BYTES = 256 * 1024
_EXTERNAL_ID_LENGTH = 200
_PATH = re.compile(r" - at `\$\.?(.*)`\Z")
_MISSING = re.compile(r"missing required field `(\w+)`")

Short = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH)]


class _Body(msgspec.Struct):
    commit_sha: Annotated[str, msgspec.Meta(min_length=1, max_length=SHA_LENGTH)]
    status: Literal["pending", "success", "failure"]
    commit_message: str | None = None
    author: Short | None = None
    branch: Short | None = None
    url: Annotated[str, msgspec.Meta(max_length=URL_LENGTH)] | None = None
    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=_EXTERNAL_ID_LENGTH)] | None = None


def read_report(request: HttpRequest) -> Report:
    """Return what the body says; raises ApiError (413, 415, 400) with details for people to fix it by."""
    if request.content_type not in {"application/json", "text/plain", ""}:
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send application/json.")
    body = _body(request)
    try:
        sent = msgspec.json.decode(body, type=_Body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError("BAD_REQUEST", f"The body is not JSON: {clean(str(error), 200)}") from error
    return _checked(sent)


def _body(request: HttpRequest) -> bytes:
    try:
        return read_body(request, MAX_BYTES)
    except BodyTooLargeError as error:
        raise ApiError("PAYLOAD_TOO_LARGE", f"A deployment has at most {MAX_BYTES // 1024} KiB.") from error
    except BodyIncompleteError as error:
        raise ApiError("BAD_REQUEST", "The body did not arrive whole.") from error


def _checked(sent: _Body) -> Report:
    report = Report(
        commit_sha=clean(sent.commit_sha, SHA_LENGTH),
        status=Deployment.Status(sent.status),
        commit_message=clean(sent.commit_message, MESSAGE_LENGTH),
        author=clean(sent.author, NAME_LENGTH),
        branch=clean(sent.branch, NAME_LENGTH),
        url=clean_url(sent.url),
        external_id=clean(sent.external_id, _EXTERNAL_ID_LENGTH),
    )
    if not report.commit_sha:
        raise _invalid("Expected a commit - at `$.commit_sha`")
    if sent.url and not report.url:
        raise _invalid("Expected an http or https address - at `$.url`")
    if sent.external_id is not None and not report.external_id:
        raise _invalid("Expected more than white space - at `$.external_id`")
    return report


def _invalid(problem: str) -> ApiError:
    """Make the 400 from msgspec's words, which end in where they found it."""
    where = _PATH.search(problem) or _MISSING.search(problem)
    message = _PATH.sub("", problem).replace("`", "")
    if where and where[1] == "status":
        message = "Expected pending, success or failure"
    detail = {"path": where[1] if where else "", "message": clean(message, 300)}
    return ApiError("VALIDATION_ERROR", "The deployment is not valid.", details=[detail])

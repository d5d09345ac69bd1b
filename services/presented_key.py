"""The API key of a request, in each form that clients can be made to send one (docs/http-api.md lists them).

Only what begins with `pol_` counts, so that a proxy's own Authorization does not stand before a good x-api-key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.keys_in_urls import KEY_OF_URL
from services.keys import PREFIX

_HEADERS = ("HTTP_X_API_KEY", "HTTP_DD_API_KEY", "HTTP_X_AMZ_FIREHOSE_ACCESS_KEY")
_QUOTES = " \t\r\n\"'"
_LONGEST = 4_096  # characters of an Authorization that is looked at


def presented_key(meta: Mapping[str, str]) -> str:
    """Return the API key that a request with this META carries.

    Raises ApiError 401 if there is none.
    """
    key = meta.get("HTTP_X_API_KEY", "").strip()
    if key.startswith(PREFIX):
        return key
    for candidate in _candidates(meta):
        if candidate.startswith(PREFIX):
            return candidate
    if key := key or _bearer(meta.get("HTTP_AUTHORIZATION", "")):
        return key  # no key of ours, but something was meant to be one: that is a 403, not a 401
    raise ApiError("UNAUTHORIZED", "Send an API key as x-api-key, or as Authorization: Bearer.")


def _candidates(meta: Mapping[str, str]) -> Iterator[str]:
    for name in _HEADERS:
        yield meta.get(name, "").strip(_QUOTES)
    scheme, _, credentials = meta.get("HTTP_AUTHORIZATION", "")[:_LONGEST].strip(_QUOTES).partition(" ")
    credentials = credentials.strip(_QUOTES)
    match scheme.lower():
        case "bearer" | "splunk":
            yield credentials
        case "basic":
            user, _, password = _decoded(credentials).partition(":")
            yield from (password, user)
        case "apikey":
            yield credentials
            yield _decoded(credentials).rpartition(":")[2]  # base64 of "id:key", or of the key alone
        case _:
            yield scheme
    yield meta.get(KEY_OF_URL, "")


def _bearer(authorization: str) -> str:
    scheme, _, credentials = authorization.strip().partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def _decoded(text: str) -> str:
    """Return what base64 says, with or without its padding; "" for what is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""

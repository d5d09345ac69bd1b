"""The bytes of a request, of which no more are read than its route takes."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

_CHUNK = 64 * 1024  # bytes


class BodyTooLargeError(Exception):
    """A body is longer than it may be; as far as it was read, it is forgotten."""


class BodyIncompleteError(Exception):
    """The client hung up, or did not send all of its body in time."""


def declared_length(request: HttpRequest) -> int | None:
    """Return what Content-Length says, None where it says nothing that can be understood."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdecimal() else None


def is_chunked(request: HttpRequest) -> bool:
    """Return whether the body has no length, but ends where it says that it ends."""
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


def read_body(request: HttpRequest, limit: int) -> bytes:
    """Read a body of at most `limit` bytes. Raises BodyTooLargeError, as early as can be, or BodyIncompleteError."""
    length = declared_length(request)
    if length is not None and length > limit:
        raise BodyTooLargeError
    parts, size = [], 0
    while part := _read_part(request):
        size += len(part)
        if size > limit:
            raise BodyTooLargeError
        parts.append(part)
    if length is not None and size < length:
        raise BodyIncompleteError
    return b"".join(parts)


def _read_part(request: HttpRequest) -> bytes:
    """Read on. Django reads nothing of a chunked body, so the server is asked itself, if it marks the end."""
    reader: Any = request
    if is_chunked(request) and request.META.get("wsgi.input_terminated"):
        reader = request.META["wsgi.input"]
    try:
        part: bytes = reader.read(_CHUNK)
    except Exception as error:  # each server has its own for a broken connection or chunk
        raise BodyIncompleteError from error
    return part


class NoFiles(FileUploadHandler):
    """Refuse a form with a file in it (400), at the first one."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise SuspiciousOperation("No form here takes a file.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Forget it; `new_file` has refused it already."""

    def file_complete(self, file_size: int) -> None:
        """There is none."""

"""Text from outside, made fit to be stored and shown."""

from __future__ import annotations

from urllib.parse import urlsplit

SHA_LENGTH, NAME_LENGTH, MESSAGE_LENGTH, URL_LENGTH = 100, 255, 4_000, 2_000  # characters


def clean(value: str | None, length: int) -> str:
    """Return `value` without what PostgreSQL or UTF-8 cannot hold, trimmed, at most `length` characters."""
    if not value:
        return ""
    cut = value[: length + 100].replace("\x00", "\ufffd")
    return cut.encode("utf-8", "replace").decode("utf-8").strip()[:length]


def clean_url(value: str | None) -> str:
    """Return `value` if it is an http or https address of at most URL_LENGTH characters, else nothing.

    It becomes a link on our pages, so `javascript:` and its like must not pass.
    """
    text = clean(value, URL_LENGTH + 1)
    if len(text) > URL_LENGTH or any(character.isspace() for character in text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.hostname else ""

"""How a term of another tool's search is written here: its name, its value, its opposite, its pattern."""

from __future__ import annotations

import re

from logs.search.fields import NUMBER, column_of, level_named
from logs.search.scanner import is_plain_value, quoted

KEY = r"(?P<key>[@$]?\.?[^\W\d][\w.@$/-]*)"
NAME = re.compile(rf"{KEY}\Z")
KEY_COLON = re.compile(rf"{KEY}:(?P<value>.*)\Z", re.DOTALL)
_WORDS = re.compile(r"[\w/-]{2,}")
_PREFIXES = ("@", "$.", "jsonPayload.", "attributes.", "fields.")
_LEVEL_NAMES = ("severity", "loglevel", "log.level", "lvl", "levelname", "detected_level", "status")
_MESSAGE_NAMES = ("msg", "textPayload", "body", "line", "_raw", "@message")


def unquoted(text: str) -> str:
    """Return `text` without the quotation marks around it."""
    return text[1:-1].replace('\\"', '"') if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def comma_parts(lexeme: str) -> list[str]:
    """Return what stands between commas, or a quoted text whole."""
    return [lexeme] if lexeme[0] in "\"'" else [part for part in lexeme.split(",") if part]


def negated(text: str) -> str:
    """Return the opposite of a term, or of several in brackets."""
    if not text or text[0] == "-":
        return text[1:]
    is_one = " " not in text or text[0] in '("' or KEY_COLON.match(text)
    return f"-{text}" if is_one else f"-({text})"


def field_name(key: str, value: str = "") -> str:
    """Return how the field `key` is named here; some are levels if `value` is one."""
    if key in _MESSAGE_NAMES:
        return "message"
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return "level" if key.lower() in _LEVEL_NAMES and level_named(unquoted(value)) else key.lstrip(".")


def written_value(text: str) -> str:
    """Return a value as it is written here, in quotation marks where it must be."""
    return text if text and is_plain_value(text) else quoted(text)


def is_ordered(value: str) -> bool:
    """Return whether a value is a number or a level, so that it may be compared."""
    return NUMBER.match(unquoted(value)) is not None or level_named(unquoted(value)) is not None


def is_field_name(key: str) -> bool:
    """Tell `http.status: 500` from `Error: refused`, which people paste."""
    return "." in key or "_" in key or column_of(key) is not None or key in (*_LEVEL_NAMES, *_MESSAGE_NAMES)


def equal_to(key: str, value: str, *, is_quoted: bool) -> str:
    """Write `key=value` of another tool, in which stars stand for anything; `is_quoted`: as it was, stars apart."""
    name = field_name(key, value)
    if value == "*":
        return f"{name}:*"
    if name == "message":
        return " ".join(f"message:{written_value(part)}" for part in value.split("*") if part)
    if "*" not in value:
        return f"{name}:{value}" if is_quoted and _is_plain_list(value) else f"{name}:{written_value(value)}"
    if value.index("*") == len(value) - 1:
        return f"{name}:{written_value(value[:-1])}*"
    return " ".join(f"{name}:~{written_value(part)}" for part in value.split("*") if part)


def _is_plain_list(value: str) -> bool:
    return all(map(is_plain_value, value.split(",")))


def matching(key: str, pattern: str) -> str:
    """Write a test by a regular expression, as far as it is one of words: `err.*`, `api|web`."""
    bare = pattern.strip("^$")
    if all(NAME.match(each) or not each.strip("0123456789") for each in bare.split("|")):
        return f"{field_name(key)}:{bare.replace('|', ',')}"
    if bare.endswith(".*") and NAME.match(bare[:-2]):
        return f"{field_name(key)}:{bare[:-2]}*"
    return " ".join(f"{field_name(key)}:~{written_value(word)}" for word in _WORDS.findall(bare))


def text_of(text: str, *, is_pattern: bool) -> str:
    """Return a text to look for in messages; of a regular expression its words."""
    if not is_pattern or re.escape(text) == text.replace(" ", "\\ "):
        return quoted(text)
    words = _WORDS.findall(text)
    return f"({' OR '.join(words)})" if "|" in text and len(words) > 1 else " ".join(words)

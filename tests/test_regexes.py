"""Every regular expression of the product takes time in proportion to what it reads, whatever its author."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("regexes")  # one process looks for them
ROOT = Path(__file__).parent.parent
APPS = ("pulseops", "accounts", "services", "logs", "deployments", "incidents", "alerts", "notifications")
# What patterns stumble over: their own alphabet again and again, with an end that does not match.
PIECES = (
    "a", "a.", "a-", "1.", "1", '"', " ", "_", "a_", "1a", "0x", "::", "/", "a/", "\\", '\\"', "<", "&", "=", "a=", ",",
    "a@", "@a.", "é", "a\u0301", "\u0661", "日", "\n", "\r\n", "\t ", "- ", "[", "](", "**", "`", "|", "{}", "12:00:",
    "2025-01-01T",
    "%41", "a%", "\x1b[", "0.", ".0", "e-", "a b ", "127.0.", "T00:00:60", "#", "'", "\x00", "!", "…",
)  # fmt: skip
SIZES = (1_000, 8_000)
ENOUGH = 0.004  # seconds; what takes less at the larger size is quick, and cannot be measured by its growth
MOST_GROWTH = 24  # of eight times the text: linear is 8, quadratic 64
# These are not, and need not be.
EXEMPT = {
    "logs.ingest.meta._STRING": "reads valid JSON alone, in which every string ends",
    "logs.ingest.broken_json._TOKEN": "ends at the first quote that begins no text",
    "logs.message_patterns._MASKED": "reads 600 characters of a message, of a bounded number of them",
    "logs.search.scanner._NAME": "is tried at the beginning of each word, and not again inside of it",
    **dict.fromkeys(
        (
            f"logs.search.{name}"
            for name in (
                *(f"dialects.{each}" for each in ("_PHRASE", "_LEXEME", "_OPTION", "_TEST", "_BOOST")),
                "dialect_terms.NAME",
                "dialect_terms.KEY_COLON",
            )
        ),
        "reads a query of 1,000 characters at most; test_search_dialects.py times the whole of it",
    ),
    "logs.explorer.stacks._CAUSE": "is tried at the beginning of a line alone",
    "pulseops/core/postgres/embedded/binaries.py": "reads what PostgreSQL's own programs print",
}


def modules() -> Iterator[ModuleType]:
    for app in APPS:
        package = importlib.import_module(app)
        for found in pkgutil.walk_packages(package.__path__, f"{app}."):
            if ".migrations" not in found.name and ".snippets" not in found.name and "management" not in found.name:
                yield importlib.import_module(found.name)


def patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    """Find patterns in a module's names, and in what those hold."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from patterns_in(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from patterns_in(each)


def compiled() -> dict[str, re.Pattern[Any]]:
    """Return every pattern of the product by where it stands."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in modules():
        for name, value in vars(module).items():
            for number, pattern in enumerate(patterns_in(value)):
                if pattern.pattern not in {each.pattern for each in found.values()}:
                    found[f"{module.__name__}.{name}{f'[{number}]' if number else ''}"] = pattern
    return found


def written() -> dict[str, str]:
    """Return the patterns that stand in calls of `re`, outside of any name, and so are not found above."""
    found: dict[str, str] = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts or "snippets" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if _is_call_of_re(node) and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                    found[f"{path.relative_to(ROOT)}:{node.lineno}"] = node.args[0].value  # type: ignore[attr-defined]
    return found


def _is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in {"compile", "match", "search", "fullmatch", "sub", "split", "findall", "finditer"}
        and bool(node.args)
    )


@cache
def all_patterns() -> dict[str, re.Pattern[Any]]:
    """Return every pattern by where it stands; not while tests are collected, which each process does."""
    found = compiled()
    known = {pattern.pattern for pattern in found.values()}
    return found | {where: re.compile(text) for where, text in written().items() if text not in known}


def texts_for(pattern: re.Pattern[Any], size: int) -> Iterator[tuple[str, Any]]:
    """Give hostile texts of about `size` characters: repeated pieces, also behind the pattern's own literals."""
    starts = ["", *sorted(set(re.findall(r"[A-Za-z_]{3,12}|[\"'<@%]", _text(pattern))))[:6]]
    for start in starts:
        for piece in PIECES:
            text = start + piece * (size // len(piece)) + "\x01!"
            yield f"{start}+{piece!r}", text.encode() if isinstance(pattern.pattern, bytes) else text


def _text(pattern: re.Pattern[Any]) -> str:
    return pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else str(pattern.pattern)


def seconds_of(function: Callable[[Any], Any], text: Any) -> float:
    started = time.thread_time()
    function(text)
    return time.thread_time() - started


def uses(pattern: re.Pattern[Any]) -> tuple[Callable[[Any], Any], ...]:
    def all_of(text: Any) -> None:
        for _ in pattern.finditer(text):
            pass

    return all_of, pattern.fullmatch


def slow_text(pattern: re.Pattern[Any]) -> str:
    """Return a piece of which eight times as many take far more than eight times as long; empty when there is none."""
    small_texts = dict(texts_for(pattern, SIZES[0]))
    for name, large in texts_for(pattern, SIZES[1]):
        for use in uses(pattern):
            long = seconds_of(use, large)
            if long < ENOUGH:
                continue
            long = min([long, seconds_of(use, large), seconds_of(use, large)])
            short = max(1e-6, min(seconds_of(use, small_texts[name]) for _ in range(3)))
            if long >= ENOUGH and long / short > MOST_GROWTH:
                return f"{name} in {use.__name__}: {long / short:.1f} times, {long:.3f} s"
    return ""


def test_there_are_patterns() -> None:
    assert len(all_patterns()) > 40


@pytest.mark.parametrize("app", APPS)
def test_each_is_linear(app: str) -> None:
    asked = {where: each for where, each in all_patterns().items() if re.split(r"[./]", where)[0] == app}
    slow = {where: slow_text(each) for where, each in asked.items() if where.partition(":")[0] not in EXEMPT}
    assert not {where: told for where, told in slow.items() if told}


def test_every_pattern_is_of_an_app() -> None:
    assert {re.split(r"[./]", where)[0] for where in all_patterns()} <= set(APPS)


@pytest.mark.parametrize("pattern", [r"\b[\w.+-]+@\w", r" +$"])
def test_the_test_finds_what_is_not(pattern: str) -> None:
    """The first is what a deployment's page ran over messages at e4c1cee."""
    assert slow_text(re.compile(pattern))

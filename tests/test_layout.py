"""Imports go one way, so that each app can be read without those above it, and each table has one owner."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "pulseops.core": set(),
    "accounts": {"pulseops.core"},
    "services": {"pulseops.core", "accounts"},
    "logs": {"pulseops.core", "accounts", "services"},
    "deployments": {"pulseops.core", "accounts", "services"},
    "notifications": {"pulseops.core", "accounts", "services"},
    "incidents": {"pulseops.core", "accounts", "services", "logs", "deployments", "notifications"},
    "alerts": {"pulseops.core", "accounts", "services", "logs", "deployments", "notifications", "incidents"},
}
APPS = set(MAY_IMPORT) | {"pulseops"}


def app_of(module: str) -> str | None:
    """Return the app that a dotted module name belongs to."""
    if module == "pulseops.core" or module.startswith("pulseops.core."):
        return "pulseops.core"
    first = module.split(".", maxsplit=1)[0]
    return first if first in APPS else None


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("app", sorted(MAY_IMPORT))
def test_imports_go_one_way(app: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted((ROOT / app.replace(".", "/")).rglob("*.py"))
        for module in imported_modules(ast.walk(parsed(path)))
        if (owner := app_of(module)) and owner != app and owner not in MAY_IMPORT[app]
    ]
    assert wrong == []


# Tables that no model stands for, or a library's, by the app that looks after them.
_OTHER_TABLES = {"logs_default": "logs", "django_q_schedule": "pulseops.core", "cache_entries": "pulseops.core"}
_MAY_READ = {
    "pulseops/demo": "It writes the rows of a past that never was, with times that no action takes.",
    "pulseops/adoption/attention.py": "It reads databases before their migrations, where the models do not hold yet.",
    "services/key_statements.py": "orgs: whether a key's organisation is deleted, in the one statement of a request.",
}
_NAMED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|USING|COPY)\s+(?:ONLY\s+)?\"?(\w+)|'(\w+)'::regclass")


def owner_of_tables() -> dict[str, str]:
    """Return table -> the app whose model it belongs to."""
    owned = {model._meta.db_table: app_of(model.__module__) for model in apps.get_models()}
    return {table: app for table, app in owned.items() if app} | _OTHER_TABLES


def tables_named(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the tables that the SQL in a file's strings names."""
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        for match in _NAMED.finditer(text):
            yield match[1] or match[2]


def models_queried(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the models whose manager a file uses."""
    for node in nodes:
        is_manager = isinstance(node, ast.Attribute) and node.attr in {"objects", "_base_manager", "_default_manager"}
        if is_manager and isinstance(node.value, ast.Name):
            yield node.value.id


def product_files() -> Iterator[Path]:
    for top in sorted({app.split(".", maxsplit=1)[0] for app in APPS}):
        yield from (path for path in sorted((ROOT / top).rglob("*.py")) if "migrations" not in path.parts)


def may_read(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / exempt) for exempt in _MAY_READ)


def test_each_table_has_one_owner() -> None:
    tables = owner_of_tables()
    models = {model.__name__: app_of(model.__module__) for model in apps.get_models() if app_of(model.__module__)}
    wrong = []
    for path in product_files():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        nodes = list(ast.walk(parsed(path)))
        owner, imported = app_of(module), set(imported_modules(nodes))
        foreign = {table for table in tables_named(nodes) if tables.get(table, owner) != owner}
        foreign |= {
            name
            for name in models_queried(nodes)
            if models.get(name, owner) != owner and any(each.endswith(f".{name}") for each in imported)
        }
        if foreign and not may_read(path):
            wrong.append(f"{path.relative_to(ROOT)} reads or writes {', '.join(sorted(foreign))}")
    assert wrong == []


def test_the_exceptions_are_there() -> None:
    assert all((ROOT / exempt).exists() for exempt in _MAY_READ)

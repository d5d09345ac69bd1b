"""Imports go one way, so that each app can be read without those above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("app", sorted(MAY_IMPORT))
def test_imports_go_one_way(app: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted((ROOT / app.replace(".", "/")).rglob("*.py"))
        for module in imported_modules(path)
        if (owner := app_of(module)) and owner != app and owner not in MAY_IMPORT[app]
    ]
    assert wrong == []

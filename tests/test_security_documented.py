"""docs/security.md names every limit that can be set, and no setting that there is not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
# In limits.py, but no limits: what may be reached, what verifies, and what is sealed.
NO_LIMITS = {
    "GITHUB_WEBHOOK_SECRET", "NOTIFICATION_HOSTS", "NOTIFICATION_ANY_HOST", "OUTGOING_PRIVATE_HOSTS",
    "OUTGOING_CA_BUNDLE", "LOG_SEAL", "SYSLOG_LISTENERS", "SYSLOG_CERTIFICATE", "SYSLOG_CERTIFICATE_KEY", "BACKUP_DIR",
    "BACKUP_HOURS", "BACKUP_KEEP", "BACKUP_BYTES_PER_SECOND",
}  # fmt: skip


def rows() -> list[list[str]]:
    """The rows of the tables of limits: limit, settings, what happens beyond."""
    text = (ROOT / "docs" / "security.md").read_text().split("\n## Limits\n")[1]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| limit |")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def named() -> set[str]:
    return {name for row in rows() for name in re.findall(r"`([A-Z][A-Z_]{3,})`", row[1])}


def limits() -> set[str]:
    tree = ast.parse((ROOT / "pulseops" / "settings" / "limits.py").read_text())
    return {
        each.targets[0].id
        for each in tree.body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    }


def test_every_limit_stands_in_the_table() -> None:
    assert limits() - NO_LIMITS - named() == set()


def test_every_setting_in_the_table_is_one() -> None:
    documented = (ROOT / "docs" / "operations.md").read_text() + (ROOT / "README.md").read_text()
    assert {name for name in named() if not hasattr(settings, name) and f"`{name}`" not in documented} == set()


def test_every_row_says_what_happens() -> None:
    wrong = [row for row in rows() if len(row) != 3 or not all(row)]
    assert wrong == []


def test_the_figures_are_those_of_the_settings() -> None:
    """Of rows with one figure and one setting, where the figure stands as the setting has it."""
    for limit, setting, _ in rows():
        name, figure = re.fullmatch(r"`([A-Z_]+)`", setting), re.search(r": ([\d,]+)$", limit)
        value = getattr(settings, name[1], None) if name else None
        if figure and isinstance(value, int | float) and not isinstance(value, bool):
            said = int(figure[1].replace(",", ""))
            assert said == value, (limit, value)

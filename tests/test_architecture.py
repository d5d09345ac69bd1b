"""docs/architecture.md names files that are there, and the names that it tells people to use."""

from __future__ import annotations

import re
from pathlib import Path

from django.core.management import load_command_class

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_PATH = re.compile(r"`([\w./-]+/[\w.-]+|manage\.py)`")


def test_every_path_is_there() -> None:
    paths = set(_PATH.findall(TEXT))
    assert len(paths) > 60
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_seams_are_there() -> None:
    core = (ROOT / "pulseops/core/extensions.py").read_text(encoding="utf-8")
    for name in ("NAV", "SERVICE_PANELS", "INCIDENT_PANELS", "DEPLOYMENT_PANELS", "TIMELINE_MARKS"):
        assert f"\n{name}: " in core, name
        assert name in TEXT


def test_the_dispatchers_former_name_is_kept() -> None:
    former, present = (load_command_class("pulseops", name) for name in ("loop", "dispatcher"))
    assert isinstance(former, type(present))

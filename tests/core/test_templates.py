"""Every template of ours: it compiles, and it obeys the CSP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR, "templates")
TEMPLATES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.html"))
INLINE = re.compile(
    r"<style|<[^>]+\sstyle=|<[^>]+\son\w+=|<script(?![^>]*\b(?:src|type=.application/json.))", re.IGNORECASE
)


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_compiles_and_has_nothing_inline(name: str) -> None:
    get_template(name)
    if name.startswith("notifications/mail/"):  # no CSP there, and clients of mail drop every other style
        return
    assert not INLINE.search((ROOT / name).read_text())


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("components/")])
def test_a_component_says_what_it_takes(name: str) -> None:
    assert (ROOT / name).read_text().startswith("{% comment %}\n")

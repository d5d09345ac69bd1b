"""Code that sends logs, to be copied and run as it stands. The files beside this one are whole programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

_FILES = (
    ("curl", "curl.sh"),
    ("Python", "pulseops_logging.py"),
    ("Node", "pulseops.mjs"),
    ("Go", "pulseops.go"),
    ("Ruby", "pulseops.rb"),
    ("Java", "PulseOps.java"),
)
_FOLDER = Path(__file__).resolve().parent
_PUBLIC_URL = "https://pulseops.example"  # as the files say it
PLACEHOLDER = "pol_YOUR_KEY"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One program; `label` names its language, `filename` is what to save it as."""

    label: str
    filename: str
    code: str


def filled_snippets(key: str = PLACEHOLDER) -> list[Snippet]:
    """Return a snippet per language with this installation's address and `key` in it."""
    return [Snippet(label, name, _filled(name, key)) for label, name in _FILES]


def _filled(name: str, key: str) -> str:
    code = (_FOLDER / name).read_text(encoding="utf-8")
    return code.replace(_PUBLIC_URL, settings.PUBLIC_URL).replace(PLACEHOLDER, key).rstrip("\n")

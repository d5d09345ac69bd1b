"""Text that people or programs wrote is escaped: whatever is not stands here with its reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
APPS = ("pulseops", "accounts", "services", "logs", "deployments", "incidents", "alerts", "notifications")
# Where Python says that a text is HTML, and why it is.
MARKED = {
    "services/forms.py": "constants",
    "logs/explorer/marker.py": "every part was escaped",
    "logs/templatetags/explorer.py": "an attribute whose quotes and ampersands were escaped",
    "logs/explorer/stacks.py": "made of what marker.py escaped, and of constants",
    "pulseops/docs/markdown.py": "our own documentation",
    "pulseops/core/templatetags/pulseops.py": "a constant",
    "accounts/templatetags/page_org.py": "Django's token",
    "incidents/markdown.py": "written with HTML off",
}


def test_no_page_shows_text_as_it_came() -> None:
    """Mails are plain text; there nothing is to be escaped."""
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if re.search(r"\|\s*safe(seq)?\b|autoescape\s+off", path.read_text())
    ]
    assert found == []


def test_python_marks_as_html_only_what_is() -> None:
    found = set()
    for path in (each for app in APPS for each in (ROOT / app).rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if any(ast.unparse(call.func).split(".")[-1] in {"mark_safe", "SafeString", "SafeText"} for call in calls):
            found.add(str(path.relative_to(ROOT)))
    assert found - set(MARKED) == set()

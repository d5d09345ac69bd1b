"""What `make check` makes of what pip-audit says."""

from __future__ import annotations

import pytest

from tools import audit_requirements

SOUND = {"name": "django", "version": "5.2.19", "vulns": []}
BROKEN = {"name": "left-pad", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
UNKNOWN = {"name": "mypy", "skip_reason": "not found"}


def test_a_known_vulnerability_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_requirements.tell([SOUND, BROKEN, UNKNOWN]) == 1
    assert "left-pad 1.0: PYSEC-1, fixed in 1.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("packages", "said"), [([SOUND], "No known vulnerability in 1"), ([UNKNOWN], "1 of 1 packages")]
)
def test_nothing_known_passes(packages: list[dict[str, object]], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_requirements.tell(packages) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("output", ["", "no JSON", "{}"])
def test_a_service_that_is_away_passes_and_says_so(
    output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = ["sh", "-c", f"printf %s '{output}'", "sh"]
    monkeypatch.setattr(audit_requirements, "_COMMAND", program)
    assert audit_requirements.main("requirements.txt") == 0
    assert "were not looked for" in capsys.readouterr().out


def test_one_that_does_not_answer_passes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(audit_requirements, "_COMMAND", ["sh", "-c", "sleep 60", "sh"])
    monkeypatch.setattr(audit_requirements, "SECONDS", 0.1)
    assert audit_requirements.main() == 0
    assert "TimeoutExpired" in capsys.readouterr().out

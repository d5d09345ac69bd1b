"""The Node module that people copy."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.snippets import filled_snippets
from tests.services.snippet_sink import entries, refuse_the_first
from tests.support.receivers import Receiver, answer, receiver

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="Node is not on this machine")


@pytest.fixture
def sink() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def run(folder: Path, program: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program that has the class of the snippet; what the snippet sends by itself goes nowhere."""
    code = next(each.code for each in filled_snippets() if each.label == "Node")
    (folder / "pulseops.mjs").write_text(code.split("\nexport const log")[0], encoding="utf-8")
    (folder / "main.mjs").write_text(f'import {{ PulseOps }} from "./pulseops.mjs";\n{program}', encoding="utf-8")
    return subprocess.run(["node", "main.mjs"], cwd=folder, capture_output=True, text=True, timeout=60, check=check)


def test_sends_all_in_batches_before_the_program_ends(sink: Receiver, tmp_path: Path) -> None:
    program = f"""
        const log = new PulseOps({{ url: "{sink.url}", key: "pol_test", batch: 300 }});
        for (let i = 0; i < 1000; i++) log.info(`line ${{i}}`, {{ i }});
    """
    done = run(tmp_path, program)
    assert done.stderr == ""
    assert [entry["meta"]["i"] for entry in entries(sink)] == list(range(1000))
    assert len(sink.received) == 4
    assert sink.received[0].headers["x-api-key"] == "pol_test"


def test_whatever_stands_in_the_fields_is_sent(sink: Receiver, tmp_path: Path) -> None:
    program = f"""
        const log = new PulseOps({{ url: "{sink.url}" }});
        const circle = {{}}; circle.self = circle;
        log.error("failed", {{ error: new TypeError("no"), trace_id: "t1", request_id: 7 }});
        log.warn("big", {{ id: 10n }});
        log.debug("circle", {{ circle }});
        log.info("");
    """
    run(tmp_path, program)
    failed, big, circle, empty = entries(sink)
    assert (failed["level"], failed["trace_id"], failed["request_id"]) == ("error", "t1", "7")
    assert failed["meta"]["error"]["message"] == "no"
    assert "TypeError: no" in failed["meta"]["error"]["stack"]
    assert big["meta"] == {"id": "10"}
    assert circle["meta"] == {"circle": {"self": "[circular]"}}
    assert empty["message"] == "(empty)"


def test_a_full_queue_drops_and_says_so(sink: Receiver, tmp_path: Path) -> None:
    program = f"""
        const log = new PulseOps({{ url: "{sink.url}", capacity: 10, batch: 100 }});
        for (let i = 0; i < 50; i++) log.info("x");
    """
    done = run(tmp_path, program)
    assert len(entries(sink)) == 10
    assert "40 logs were dropped" in done.stderr


def test_a_batch_that_is_sent_again_is_known_by_its_key(sink: Receiver, tmp_path: Path) -> None:
    sink.behaviour = refuse_the_first(sink)
    run(tmp_path, f'new PulseOps({{ url: "{sink.url}" }}).info("once");')
    assert len(sink.received) == 2
    assert len({request.headers["idempotency-key"] for request in sink.received}) == 1


def test_a_refusal_is_reported_and_not_repeated(sink: Receiver, tmp_path: Path) -> None:
    sink.behaviour = answer(403, b"revoked")
    done = run(tmp_path, f'new PulseOps({{ url: "{sink.url}" }}).info("x");')
    assert len(sink.received) == 1
    assert "did not take 1 logs: 403 revoked" in done.stderr


@pytest.mark.parametrize("end", ["process.exit(3);", "Promise.reject(new Error('unhandled'));"])
def test_however_the_program_ends_its_last_log_is_sent(sink: Receiver, tmp_path: Path, end: str) -> None:
    sink.behaviour = refuse_the_first(sink)
    run(tmp_path, f'new PulseOps({{ url: "{sink.url}" }}).info("last"); {end}', check=False)
    assert [entry["message"] for entry in entries(sink)] == ["last", "last"]
    assert len({request.headers["idempotency-key"] for request in sink.received}) == 1


def test_a_server_that_stays_away_does_not_hold_the_program_forever(sink: Receiver, tmp_path: Path) -> None:
    sink.behaviour = answer(503)
    done = run(tmp_path, f'new PulseOps({{ url: "{sink.url}", patience: 700 }}).info("x");')
    assert "did not take 1 logs within 0.7 s" in done.stderr

"""The Go, Ruby and Java classes that people copy: one program of each logs much and odd things.

Node and Python have files of their own; those run in no time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.languages import need, run, snippet
from tests.services.snippet_sink import entries
from tests.support.receivers import Receiver, receiver

GO = """
package main

import "errors"

func main() {
	logs := NewPulseOps("%(url)s", "pol_test")
	for i := 0; i < 1200; i++ {
		logs.Info("line", Fields{"i": i})
	}
	logs.Error("failed", Fields{"error": errors.New("no"), "trace_id": "t1", "request_id": 7})
	logs.Debug("odd", Fields{"odd": func() {}})
	logs.Warn("", nil)
	logs.Close()
}
"""
RUBY = """
require_relative "pulseops"
logs = PulseOps.new(url: "%(url)s", key: "pol_test")
1200.times { |i| logs.info("line", i: i) }
logs.error("failed", error: RuntimeError.new("no"), trace_id: "t1", request_id: 7)
logs.debug("odd", odd: Float::NAN)
logs.warn("")
fork { logs.info("child") } # a child sends its own logs, and not once more its parent's
Process.wait
"""
JAVA = """
import java.util.*;

public class Main {
    public static void main(String[] args) throws Exception {
        try (var logs = new PulseOps("%(url)s", "pol_test")) {
            for (int i = 0; i < 1200; i++) logs.info("line", Map.of("i", i));
            logs.error("failed", Map.of("error", new RuntimeException("no"), "trace_id", "t1", "request_id", 7));
            logs.debug("odd", Map.of("odd", Double.NaN, "quote", "\\"\\\\\\n\\ud800"));
            logs.warn("", Map.of());
        }
    }
}
"""


def program(label: str, folder: Path, url: str) -> list[str]:
    """Write a program that uses the snippet; returns what to run."""
    found = snippet(label)
    match label:
        case "Go":
            (folder / found.filename).write_text(found.code.split("\nfunc main()")[0] + "\n", encoding="utf-8")
            (folder / "main.go").write_text(GO % {"url": url}, encoding="utf-8")
            return ["main.go", found.filename]
        case "Ruby":
            (folder / found.filename).write_text(found.code, encoding="utf-8")
            (folder / "main.rb").write_text(RUBY % {"url": url}, encoding="utf-8")
            return ["main.rb"]
    # `java` compiles one file: both classes in it, the one with the program first.
    ours = found.code.replace("public class PulseOps", "class PulseOps")
    imports = "\n".join(line for line in ours.splitlines() if line.startswith("import "))
    rest = "\n".join(line for line in ours.splitlines() if not line.startswith("import "))
    main = (JAVA % {"url": url}).replace("import java.util.*;\n", "")
    (folder / "Main.java").write_text(f"{imports}\n{main}\n{rest}\n", encoding="utf-8")
    return ["Main.java"]


@pytest.mark.parametrize("label", ["Go", "Ruby", "Java"])
def test_sends_all_in_batches_whatever_stands_in_it(label: str, tmp_path: Path) -> None:
    need(label)
    with receiver() as sink:
        done = run(label, tmp_path, *program(label, tmp_path, sink.url))
        assert (done.returncode, done.stderr) == (0, "")
        check(label, sink)


def check(label: str, sink: Receiver) -> None:
    sent = [entry for entry in entries(sink) if entry["message"] != "child"]
    assert [entry["meta"]["i"] for entry in sent[:1200]] == list(range(1200))
    assert max(len(request.json["logs"]) for request in sink.received) <= 500
    assert len(sink.received) <= 5
    assert sink.received[0].headers["x-api-key"] == "pol_test"
    failed, odd, empty = sent[1200:]
    assert (failed["level"], failed["trace_id"], failed["request_id"]) == ("error", "t1", "7")
    assert "no" in str(failed["meta"]["error"])
    assert odd["meta"]
    assert (empty["level"], empty["message"]) == ("warn", "(empty)")
    if label == "Ruby":
        assert [entry["message"] for entry in entries(sink)].count("child") == 1

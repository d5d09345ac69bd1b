"""Real clients of PyPI and npm against a running server: what each was told to log stands in the database."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.snippets.catalog import GROUPS, PROGRAMS
from tests.clients.running import (
    HERE,
    NODE_MODULES,
    PATIENCE,
    PYTHON,
    Receiver,
    clean_environment,
    driver,
    has_node,
    has_python,
    text_of,
)
from tests.support.installation import Installation
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200), pytest.mark.xdist_group("installation")]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
BOTH = {"order": 4711, "customer": "ada"}
AS_TEXT = {"order": "4711", "customer": "ada"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a client can say of an error with two fields and a trace."""

    meta: Mapping[str, Any] = field(default_factory=lambda: BOTH)
    trace_id: str | None = TRACE


OTEL = Expected({**BOTH, "span_id": SPAN})
PY = {
    "opentelemetry": OTEL,
    "opentelemetry, gzip": OTEL,
    "opentelemetry, deflate": OTEL,
    "rotel": OTEL,
    "python-logging-loki, old": Expected(AS_TEXT),
    "python-logging-loki": Expected(AS_TEXT),
    "loki-logger-handler": Expected(),
    "elasticsearch, key": Expected(),
    "elasticsearch, id and key": Expected(),
    "elasticsearch, basic": Expected(),
    "elasticsearch, bearer": Expected(),
    "opensearch-py": Expected(),
    "splunk-handler": Expected(),
    "splunk-hec-handler": Expected(),
    "graypy": Expected(),
    "graypy, TCP": Expected(),
    "graypy, UDP": Expected(),
    "rfc5424-logging-handler": Expected({f"shop@32473.{name}": value for name, value in AS_TEXT.items()}, None),
    "datadog-api-client": Expected(AS_TEXT),
    "python-json-logger": Expected(),
    "ecs-logging": Expected(),
    "structlog": Expected(),
}
NODE = {
    "otlp-http": OTEL,
    "otlp-proto": OTEL,
    "pino-opentelemetry-transport": OTEL,
    "pino-loki": Expected(),
    "winston-loki, JSON": Expected(),
    "winston-loki, protobuf": Expected(),
    "@elastic/elasticsearch": Expected(),
    "pino-elasticsearch": Expected(),
    "winston-elasticsearch": Expected(),
    "splunk-logging": Expected(),
    "winston-splunk-httplogger": Expected(),
    "pino-datadog-transport": Expected(),
    "bunyan": Expected(),
    "gelf-pro, TCP": Expected(),
    "gelf-pro, UDP": Expected(),
    "winston-syslog": Expected(),
}
# Those that speak no HTTP: the kind of the port that `manage.py syslog` listens to for each.
SOCKETS = {
    "graypy, UDP": "gelf+udp",
    "gelf-pro, UDP": "gelf+udp",
    "winston-syslog": "udp",
    "graypy, TCP": "gelf+tcp",
    "gelf-pro, TCP": "gelf+tcp",
    "rfc5424-logging-handler": "tcp",
}
# The texts of the page of a new key that need nothing but a package: what each logs.
TEXTS = {
    "otel-python.sh": "Hello from OpenTelemetry",
    "otel-node.sh": "Hello from OpenTelemetry",
    "pino.mjs": "Hello from pino",
    "winston.mjs": "Hello from winston",
    "python-loki.py": "Hello from python-logging-loki",
    "splunk-handler.py": "Hello from splunk-handler",
    "elasticsearch-logs.py": "Hello from elasticsearch",
}
SYSTEM_TEXTS = ("rsyslog.conf", "syslog-ng.conf")  # test_system_logs.py
APPS = {
    "app.py": 'import logging\nlogging.getLogger().setLevel("INFO")\n'
    'logging.info("Hello from OpenTelemetry", extra={"user": "ada"})\n',
    "app.js": 'require("pino")().info({ user: "ada" }, "Hello from OpenTelemetry");\n',
}
_ROWS = """
    SELECT service.name, log.level, (extract(epoch FROM log.ts) * 1000000)::bigint, log.message, log.trace_id,
           coalesce(log.meta_json, '{}')
    FROM logs log JOIN services service ON service.id = log.service_id JOIN orgs org ON org.id = service.org_id
    WHERE org.name = 'Clients' ORDER BY log.ts
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of `logs`; `at` in microseconds."""

    level: str
    at: int
    message: str
    trace_id: str | None
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What clients said of themselves, and what of it was stored."""

    outcomes: dict[str, Any]
    stored: dict[str, list[Stored]]


def is_python(filename: str) -> bool:
    return filename.endswith(".py") or filename == "otel-python.sh"


def run_text(filename: str, url: str, key: str, folder: Path) -> None:
    """Save a text under its name and run it as it stands, beside a program of the user's."""
    folder.mkdir()
    for name, code in {filename: text_of(filename, url, key), **APPS}.items():
        (folder / name).write_text(code)
    if not is_python(filename):
        (folder / "node_modules").symlink_to(NODE_MODULES / "node_modules")
    command = {".py": str(PYTHON), ".mjs": "node", ".sh": "sh"}[Path(filename).suffix]
    done = subprocess.run(
        [command, filename], cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]


def outcome_of(function: Callable[[], None]) -> str | None:
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture(scope="module")
def run(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All clients at once: what they do is wait."""
    drivers = {
        "python": (PY if has_python() else {}, [str(PYTHON), "-W", "ignore", str(HERE / "drivers/python_clients.py")]),
        "node": (NODE if has_node() else {}, ["node", str(HERE / "drivers/node_clients.mjs")]),
    }
    texts = [name for name in TEXTS if (has_python() if is_python(name) else has_node())]
    if not texts:
        pytest.skip("there are no clients here; `make clients` installs them")
    url, keys, folder = receiver.installation.url, receiver.keys, tmp_path_factory.mktemp("texts")
    outcomes: dict[str, Any] = {}
    with ExitStack() as stack:
        spoken = [
            stack.enter_context(driver(program, receiver, clients)) for clients, program in drivers.values() if clients
        ]
        for name in texts:
            outcomes[name] = outcome_of(lambda name=name: run_text(name, url, keys[name], folder / name))
        for outcome in spoken:
            outcomes |= outcome()
        sent = {name for name, outcome in outcomes.items() if not isinstance(outcome, str)}
        with suppress(AssertionError):  # each client's own test says what did not come
            wait_until(lambda: sent <= stored(receiver.installation).keys(), every=0.3)
    return Run(outcomes, stored(receiver.installation))


def stored(installation: Installation) -> dict[str, list[Stored]]:
    """Return what stands in the database, by service: there is one for each client."""
    found: dict[str, list[Stored]] = {}
    for name, *row in installation.rows(_ROWS):
        found.setdefault(name, []).append(Stored(*row))
    return found


def the_log(run: Run, name: str) -> Stored:
    """Return the one log of a client; skips where the client is not here."""
    if name not in run.outcomes:
        pytest.skip(f"{name} is not here; `make clients` installs it")
    assert not isinstance(run.outcomes[name], str), run.outcomes[name]
    logs = run.stored.get(name, [])
    assert len(logs) == 1, logs
    return logs[0]


@pytest.mark.parametrize("name", [*PY, *NODE])
def test_what_a_client_logs_is_stored(run: Run, name: str) -> None:
    log, expected = the_log(run, name), {**PY, **NODE}[name]
    assert (log.message, log.level, log.trace_id) == ("charge failed", "error", expected.trace_id)
    assert expected.meta.items() <= flat(log.meta).items()
    since, until = run.outcomes[name]
    assert since <= log.at <= until


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_of_the_page_of_a_new_key_sends_as_it_stands(run: Run, name: str) -> None:
    log = the_log(run, name)
    assert (log.message, log.level) == (TEXTS[name], "info")
    assert name == "splunk-handler.py" or log.meta["user"] == "ada"


def flat(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with those of `fields`, where winston's transport for Elasticsearch puts them."""
    return {**meta, **meta.get("fields", {})}


def test_every_text_that_is_marked_as_run_is_run() -> None:
    marked = {each.filename for group in GROUPS for each in group.clients if each.is_run} - {
        each.filename
        for each in PROGRAMS.clients  # tests/services/test_snippets_run.py
    }
    assert marked == {*TEXTS, *SYSTEM_TEXTS}

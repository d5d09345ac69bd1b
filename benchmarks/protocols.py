"""What a log costs by each protocol, beside our own JSON: CPU of reading it, and of all that the web server does.

    python -m benchmarks.protocols [--logs 8192] [--rounds 7] [--reading] [--write]

First in one process and without a database, so that the ratios are of reading alone, up to what COPY is given; then,
without `--reading`, as CPU of a web server that stores them. Each ratio is of one round; the median of them counts.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import django
import psutil
import requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
django.setup()

from django.test import RequestFactory  # noqa: E402 - needs the settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: E402
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue  # noqa: E402
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs  # noqa: E402

from benchmarks.report import Table, machine, write_section  # noqa: E402
from logs.ingest.columns import AcceptedTimes  # noqa: E402
from logs.ingest.decode import make_payload  # noqa: E402
from logs.ingest.protocols.base import Protocol  # noqa: E402
from logs.ingest.protocols.datadog import DatadogProtocol  # noqa: E402
from logs.ingest.protocols.elastic.bulk import BulkProtocol  # noqa: E402
from logs.ingest.protocols.gelf import GelfProtocol  # noqa: E402
from logs.ingest.protocols.hec import HecProtocol  # noqa: E402
from logs.ingest.protocols.json import JsonProtocol  # noqa: E402
from logs.ingest.protocols.loki import LokiProtocol  # noqa: E402
from logs.ingest.protocols.otlp.protocol import OtlpProtocol  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

PERFORMANCE = Path(__file__).parent.parent / "docs" / "performance.md"
BUDGETS = "budget: OTLP protobuf 2.5 times ours, OTLP JSON 1.5"
_REPEATED = 4  # requests; the system counts CPU by hundredths of a second
PATHS = {
    "ours": "/api/v1/logs/ingest", "OTLP protobuf": "/v1/logs", "OTLP JSON": "/v1/logs",
    "Loki JSON": "/loki/api/v1/push", "Elasticsearch": "/es/_bulk", "Splunk HEC": "/services/collector",
    "Datadog": "/api/v2/logs", "GELF": "/gelf",
}  # fmt: skip
NOW = datetime.now(UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fields_of(number: int) -> dict[str, str | int]:
    """Six fields, four of which repeat."""
    return {
        "service.name": "shop",
        "host.name": "web-1",
        "code.function": "charge",
        "http.method": "POST",
        "order": number,
        "user": f"user-{number % 997}",
    }


def time_of(number: int) -> datetime:
    """No two logs have the same time."""
    return NOW + timedelta(microseconds=37 * number)


def nanoseconds_of(number: int) -> int:
    """Return the same time in nanoseconds since 1970."""
    return (time_of(number) - _EPOCH) // timedelta(microseconds=1) * 1_000


def message_of(number: int) -> str:
    """Return a message of some 60 characters."""
    return f"POST /api/orders/{number}/charge 200 in {number % 400} ms for user-{number % 997}"


def bodies(logs: int) -> dict[str, tuple[Protocol, str, bytes]]:
    """Return the protocol, type and body of the same logs in each protocol."""
    numbers, stamps = range(logs), [time_of(number).isoformat() for number in range(logs)]
    own = [{"timestamp": stamps[n], "level": "info", "message": message_of(n), "meta": fields_of(n)} for n in numbers]
    flat = [{"@timestamp": stamps[n], "level": "info", "message": message_of(n), **fields_of(n)} for n in numbers]
    bulk = "".join(f'{{"create":{{}}}}\n{json.dumps(each)}\n' for each in flat).encode()
    hec = "".join(json.dumps({"time": time_of(n).timestamp(), "event": flat[n]}) for n in numbers).encode()
    lines = [[str(nanoseconds_of(n)), message_of(n), {k: str(v) for k, v in fields_of(n).items()}] for n in numbers]
    return {
        "ours": (JsonProtocol(), "application/json", json.dumps({"logs": own}).encode()),
        "OTLP protobuf": (OtlpProtocol(), "application/x-protobuf", _otlp(logs)),
        "OTLP JSON": (OtlpProtocol(), "application/json", _otlp_json(logs)),
        "Loki JSON": (LokiProtocol(), "application/json", json.dumps({"streams": [{"values": lines}]}).encode()),
        "Elasticsearch": (BulkProtocol(), "application/x-ndjson", bulk),
        "Splunk HEC": (HecProtocol(), "application/json", hec),
        "Datadog": (DatadogProtocol(), "application/json", json.dumps(flat).encode()),
        "GELF": (GelfProtocol(), "application/json", "\n".join(map(json.dumps, flat)).encode()),
    }


def _otlp(logs: int) -> bytes:
    def value(each: str | int) -> AnyValue:
        return AnyValue(string_value=each) if isinstance(each, str) else AnyValue(int_value=each)

    records = [
        LogRecord(
            time_unix_nano=nanoseconds_of(number),
            severity_number=9,
            body=AnyValue(string_value=message_of(number)),
            attributes=[KeyValue(key=name, value=value(each)) for name, each in fields_of(number).items()],
        )
        for number in range(logs)
    ]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    ).SerializeToString()


def _otlp_json(logs: int) -> bytes:
    def value(each: str | int) -> dict[str, str]:
        return {"stringValue": each} if isinstance(each, str) else {"intValue": str(each)}

    records = [
        {
            "timeUnixNano": str(nanoseconds_of(number)),
            "severityNumber": 9,
            "body": {"stringValue": message_of(number)},
            "attributes": [{"key": name, "value": value(each)} for name, each in fields_of(number).items()],
        }
        for number in range(logs)
    ]
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}, separators=(",", ":")).encode()


def reading(protocol: Protocol, content_type: str, body: bytes) -> Callable[[], int]:
    """Return what reads the body once, as far as COPY's text; it returns how many logs there were."""
    request = RequestFactory().post("/", content_type=content_type)

    def read() -> int:
        loaded = make_payload(body, "json") if isinstance(protocol, JsonProtocol) else body
        batch = protocol.read(loaded, request, AcceptedTimes(NOW, 7))
        batch.prepare()
        protocol.respond(protocol.answer(batch, request), request, is_replayed=False)
        return len(batch)

    return read


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=8_192)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float)  # of the other benchmarks; rounds are counted here
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--reading", action="store_true", help="without a server")
    chosen = parser.parse_args()
    # Ours takes no more than INGEST_MAX_ENTRIES at a time.
    kinds = {name: reading(*each) for name, each in bodies(chosen.logs).items() if name != "ours"}
    ours = reading(*bodies(min(chosen.logs, 5_000))["ours"])
    costs: dict[str, list[float]] = {name: [] for name in ("ours", *kinds)}
    for _ in range(chosen.rounds):
        for name, read in (("ours", ours), *kinds.items()):
            began = time.process_time()
            count = read()
            costs[name].append((time.process_time() - began) / count * 1e6)
    tables = [_table("CPU a log, µs, read and made ready for COPY", costs)]
    if not chosen.reading:
        title = f"CPU a log, µs, of a web server that stores {chosen.logs:,} a request ({BUDGETS})"
        tables.append(_table(title, served(chosen.logs, chosen.rounds)))
    text = "\n\n".join(tables)
    print(text)
    if chosen.write:
        write_section(PERFORMANCE, "Protocols", f"{machine()}\n\n{text}")


def _table(title: str, costs: dict[str, list[float]]) -> str:
    table = Table(title, ["protocol", "µs", "ratio to ours"])
    for name, values in costs.items():
        ratios = [value / own for value, own in zip(values, costs["ours"], strict=True)]
        table.add(name, f"{median(values):.1f}", f"{median(ratios):.2f}")
    return table.markdown()


def served(logs: int, rounds: int) -> dict[str, list[float]]:
    """Send each protocol's body to a web server of one process; returns its CPU a log, µs, in each round."""
    limits = {"INGEST_MAX_ENTRIES": str(logs), "INGEST_BYTES_PER_MINUTE": str(10**12), "WEB_WORKERS": "1"}
    installation = Installation(**limits)
    try:
        web = psutil.Process(installation.start_web().pid)
        headers = {"x-api-key": installation.make_key(rate_per_minute=1_000_000_000)}
        costs: dict[str, list[float]] = {name: [] for name in bodies(1)}
        with requests.Session() as session:
            for _ in range(rounds + 1):  # the first is to get warm
                for name, (_, content_type, body) in bodies(logs).items():
                    began = _seconds(web)
                    for _ in range(_REPEATED):
                        answer = session.post(
                            installation.url + PATHS[name], body, headers={**headers, "Content-Type": content_type},
                            timeout=120,
                        )  # fmt: skip
                        answer.raise_for_status()
                    costs[name].append((_seconds(web) - began) / logs / _REPEATED * 1e6)
        return {name: values[1:] for name, values in costs.items()}
    finally:
        installation.close()


def _seconds(parent: psutil.Process) -> float:
    """Return the processor's time of a process and its children, in nanoseconds as the scheduler has them: ticks of a
    hundredth of a second are a tenth of what a round takes."""
    tasks = [each for process in [parent, *parent.children(recursive=True)] for each in _tasks(process.pid)]
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/schedstat"))


if __name__ == "__main__":
    main()

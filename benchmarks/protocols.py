"""What reading a log costs by each protocol, beside our own JSON: CPU of decoding and of what COPY is given.

    python -m benchmarks.protocols [--logs 8192] [--rounds 7]

In one process and without a database, so that the ratios are of the web's own work alone; the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
django.setup()

from django.test import RequestFactory  # noqa: E402 - needs the settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: E402
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue  # noqa: E402
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs  # noqa: E402

from benchmarks.report import Table  # noqa: E402
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

NOW = datetime.now(UTC)
NANOSECONDS = int(NOW.timestamp()) * 1_000_000_000


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


def message_of(number: int) -> str:
    """Return a message of some 60 characters."""
    return f"POST /api/orders/{number}/charge 200 in {number % 400} ms for user-{number % 997}"


def bodies(logs: int) -> dict[str, tuple[Protocol, str, bytes]]:
    """Return the protocol, type and body of the same logs in each protocol."""
    numbers, stamp = range(logs), NOW.isoformat()
    own = [{"timestamp": stamp, "level": "info", "message": message_of(n), "meta": fields_of(n)} for n in numbers]
    flat = [{"@timestamp": stamp, "level": "info", "message": message_of(n), **fields_of(n)} for n in numbers]
    bulk = "".join(f'{{"create":{{}}}}\n{json.dumps(each)}\n' for each in flat).encode()
    hec = "".join(json.dumps({"time": NOW.timestamp(), "event": each}) for each in flat).encode()
    lines = [[str(NANOSECONDS), message_of(n), {k: str(v) for k, v in fields_of(n).items()}] for n in numbers]
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
            time_unix_nano=NANOSECONDS,
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
            "timeUnixNano": str(NANOSECONDS),
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
    table = Table("CPU a log, µs, read and made ready for COPY", ["protocol", "µs", "ratio to ours"])
    for name, values in costs.items():
        ratios = [value / own for value, own in zip(values, costs["ours"], strict=True)]
        table.add(name, f"{median(values):.1f}", f"{median(ratios):.2f}")
    print(table.markdown())


if __name__ == "__main__":
    main()

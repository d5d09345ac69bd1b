"""Runs loggers of PyPI as their documentation has it: each an error with two fields and, where it can be said, a trace.

A line of stdin: {"url": …, "keys": {client: key}, "sockets": {client: the address of its own port}}; one of stdout:
client → [from, until], the microseconds in which its log was made, or what went wrong. Then it waits until stdin ends,
for clients that send from a thread.
"""

from __future__ import annotations

import importlib
import json
import logging
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MESSAGE, FIELDS = "charge failed", {"order": 4711, "customer": "ada"}
Between = tuple[int, int]


def microseconds() -> int:
    return time.time_ns() // 1000


def logger_with(handler: logging.Handler) -> tuple[logging.Logger, list[logging.LogRecord]]:
    """Make a logger that has this handler alone, and a list of what was given to it."""
    records: list[logging.LogRecord] = []
    handler.handleError = _raise  # type: ignore[method-assign]  # else it is printed, and forgotten
    logger = logging.Logger("shop")  # noqa: LOG001 - nobody else shall hear it
    logger.addHandler(handler)
    logger.addFilter(lambda record: records.append(record) or True)
    return logger, records


def _raise(record: logging.LogRecord) -> None:
    raise  # noqa: PLE0704 - called while an exception is handled


def created(records: list[logging.LogRecord]) -> Between:
    """The time of a record, which is a float of seconds."""
    at = int(records[0].created * 1_000_000)
    return at - 1, at + 1


def otel(url: str, key: str, *, compression: str = "none", port: int = 0) -> Between:
    exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http._log_exporter")
    sdk = importlib.import_module("opentelemetry.sdk._logs")
    export = importlib.import_module("opentelemetry.sdk._logs.export")
    bridge = importlib.import_module("opentelemetry.instrumentation.logging.handler")
    trace = importlib.import_module("opentelemetry.trace")
    context = importlib.import_module("opentelemetry.context")
    http = importlib.import_module("opentelemetry.exporter.otlp.proto.http")
    endpoint = f"http://127.0.0.1:{port}" if port else url
    provider = sdk.LoggerProvider()
    provider.add_log_record_processor(
        export.BatchLogRecordProcessor(
            exporter.OTLPLogExporter(
                endpoint=f"{endpoint}/v1/logs",
                headers={"x-api-key": key},
                compression=http.Compression(compression),
            )
        )
    )
    span = trace.SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span)))
    try:
        logger, records = logger_with(bridge.LoggingHandler(logger_provider=provider))
        logger.error(MESSAGE, extra=FIELDS)
    finally:
        context.detach(token)
    provider.shutdown()
    return created(records)


def rotel(url: str, key: str) -> Between:
    """A Collector of Rust's, fed by the SDK."""
    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, grpc = probe.getsockname()[1], other.getsockname()[1]
    agent = subprocess.Popen(
        [
            Path(importlib.import_module("rotel").__file__ or "").parent / "rotel-agent", "start", "--exporter", "otlp",
            "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", url,
            "--otlp-exporter-custom-headers", f"x-api-key={key}",
            "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}",
            "--batch-timeout", "100ms",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        between = otel(url, "", port=port)
        agent.terminate()  # it sends what it holds before it ends
        agent.wait(30)
        return between
    finally:
        agent.kill()


def logging_loki(url: str, key: str, *, version: str) -> Between:
    module = importlib.import_module("logging_loki")
    handler = module.LokiHandler(
        url=f"{url}/loki/api/v1/push", auth=("any", key), tags={"customer": "ada"}, version=version
    )
    logger, records = logger_with(handler)
    since = microseconds()
    logger.error(MESSAGE, extra={"tags": {"order": "4711", "trace_id": TRACE}})
    return created(records) if version == "0" else (since, microseconds())


def loki_logger_handler(url: str, key: str) -> Between:
    module = importlib.import_module("loki_logger_handler.loki_logger_handler")
    handler = module.LokiLoggerHandler(
        url=f"{url}/loki/api/v1/push",
        labels={"customer": "ada"},
        additional_headers={"Authorization": f"Bearer {key}"},
        timeout=0.1,
        compressed=True,
    )
    logger, _ = logger_with(handler)
    since = microseconds()
    logger.error(MESSAGE, extra={"order": 4711, "trace_id": TRACE})
    return since, microseconds()  # its thread sends


def elastic(url: str, key: str, *, name: str, **options: Callable[[str], Any]) -> Between:
    module = importlib.import_module(name)
    client = getattr(module, {"elasticsearch": "Elasticsearch", "opensearchpy": "OpenSearch"}[name])(
        f"{url}/es", http_compress=True, **{option: value(key) for option, value in options.items()}
    )
    at = datetime.now(timezone.utc)  # noqa: UP017 - as its users write
    document = {
        "@timestamp": at.isoformat(),
        "log.level": "ERROR",
        "message": MESSAGE,
        "trace": {"id": TRACE},
        **FIELDS,
    }
    stored = importlib.import_module(f"{name}.helpers").bulk(client, [{"_index": "logs", "_source": document}])
    assert stored == (1, []), stored
    client.close()
    exactly = round(at.timestamp() * 1_000_000)
    return exactly, exactly


def splunk_handler(url: str, key: str) -> Between:
    module = importlib.import_module("splunk_handler")
    address = urlsplit(url)
    handler = module.SplunkHandler(
        host=address.hostname, port=address.port, token=key, index="main", protocol="http", flush_interval=0,
        timeout=30,
    )  # fmt: skip
    logger, _ = logger_with(handler)
    since = microseconds()
    logger.error(json.dumps({"message": MESSAGE, "level": "error", "trace_id": TRACE, **FIELDS}))
    handler.force_flush()
    handler.close()
    return since, microseconds()  # it takes the time itself


def splunk_hec_handler(url: str, key: str) -> Between:
    module = importlib.import_module("splunk_hec_handler")
    address = urlsplit(url)
    handler = module.SplunkHecHandler(
        address.hostname, key, port=address.port, proto="http", ssl_verify=False, source="shop"
    )
    logger, records = logger_with(handler)
    logger.error({"message": MESSAGE, "trace_id": TRACE, **FIELDS})
    handler.close()
    at = int(records[0].created * 1_000_000)
    return at - 1, microseconds()


def graypy(url: str, key: str) -> Between:
    module = importlib.import_module("graypy")
    address = urlsplit(url)
    handler = module.GELFHTTPHandler(address.hostname, port=address.port, path=f"/gelf?token={key}")
    logger, records = logger_with(handler)
    logger.error(MESSAGE, extra={"trace_id": TRACE, **FIELDS})
    return created(records)


def graypy_socket(url: str, key: str) -> Between:
    """By UDP each log is packed, and this one so long that it comes in chunks."""
    module = importlib.import_module("graypy")
    address = urlsplit(url)
    if address.scheme == "tcp":
        handler = module.GELFTCPHandler(address.hostname, address.port)
    else:
        chunker = importlib.import_module("graypy.handler").GELFWarningChunker(chunk_size=100)
        handler = module.GELFUDPHandler(address.hostname, address.port, gelf_chunker=chunker)
    logger, records = logger_with(handler)
    logger.error(MESSAGE, extra={"trace_id": TRACE, **FIELDS})
    handler.close()
    return created(records)


def rfc5424(url: str, key: str) -> Between:
    module = importlib.import_module("rfc5424logging")
    address = urlsplit(url)
    handler = module.Rfc5424SysLogHandler(
        address=(address.hostname, address.port), socktype=socket.SOCK_STREAM, enterprise_id=32473
    )
    logger, records = logger_with(handler)
    logger.error(MESSAGE, extra={"structured_data": {"shop": FIELDS}})
    handler.close()
    return created(records)


def datadog(url: str, key: str) -> Between:
    client = importlib.import_module("datadog_api_client")
    api_module = importlib.import_module("datadog_api_client.v2.api.logs_api")
    http_log = importlib.import_module("datadog_api_client.v2.model.http_log")
    item = importlib.import_module("datadog_api_client.v2.model.http_log_item")
    configuration = client.Configuration()
    configuration.api_key["apiKeyAuth"] = key
    at = time.time_ns() // 1_000_000
    with client.ApiClient(configuration) as connection:
        api = api_module.LogsApi(connection)
        api._submit_log_endpoint.settings["servers"] = [{"url": url, "description": "", "variables": {}}]
        record = item.HTTPLogItem(
            message=MESSAGE, service="shop", ddtags="customer:ada", status="error", timestamp=str(at), order="4711",
            trace_id=TRACE,
        )  # fmt: skip
        api.submit_log(http_log.HTTPLog([record]))
    return at * 1000, at * 1000


def json_lines(url: str, key: str, *, formatter: Callable[[], logging.Formatter]) -> Between:
    """A formatter that makes a line of JSON of each record, as a file or standard output would get it."""
    requests = importlib.import_module("requests")
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    lines: list[str] = []
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    logger, records = logger_with(handler)
    logger.error(MESSAGE, extra={"trace.id": TRACE, **FIELDS})
    posted = requests.post(f"{url}/drains/http", data="\n".join(lines), headers={"x-api-key": key}, timeout=30)
    posted.raise_for_status()
    first, last = created(records)
    return first - 1000, last  # some of them write milliseconds


def json_formatter() -> logging.Formatter:
    module = importlib.import_module("pythonjsonlogger.json")
    formatter: logging.Formatter = module.JsonFormatter("%(levelname)s %(message)s", timestamp=True)
    return formatter


def ecs_formatter() -> logging.Formatter:
    formatter: logging.Formatter = importlib.import_module("ecs_logging").StdlibFormatter()
    return formatter


def structlog(url: str, key: str) -> Between:
    module = importlib.import_module("structlog")
    requests = importlib.import_module("requests")
    lines: list[str] = []
    logger = module.wrap_logger(
        type("Lines", (), {"error": staticmethod(lines.append)})(),
        processors=[
            module.processors.add_log_level,
            module.processors.TimeStamper(fmt="iso", utc=True),
            module.processors.JSONRenderer(),
        ],
    )
    since = microseconds()
    logger.error(MESSAGE, trace_id=TRACE, **FIELDS)
    until = microseconds()
    posted = requests.post(f"{url}/drains/http", data="\n".join(lines), headers={"x-api-key": key}, timeout=30)
    posted.raise_for_status()
    return since, until


CLIENTS: dict[str, Callable[[str, str], Between]] = {
    "opentelemetry": otel,
    "opentelemetry, gzip": lambda url, key: otel(url, key, compression="gzip"),
    "opentelemetry, deflate": lambda url, key: otel(url, key, compression="deflate"),
    "rotel": rotel,
    "python-logging-loki, old": lambda url, key: logging_loki(url, key, version="0"),
    "python-logging-loki": lambda url, key: logging_loki(url, key, version="1"),
    "loki-logger-handler": loki_logger_handler,
    "elasticsearch, key": lambda url, key: elastic(url, key, name="elasticsearch", api_key=str),
    "elasticsearch, id and key": lambda url, key: elastic(
        url, key, name="elasticsearch", api_key=lambda key: ("any", key)
    ),
    "elasticsearch, basic": lambda url, key: elastic(
        url, key, name="elasticsearch", basic_auth=lambda key: ("any", key)
    ),
    "elasticsearch, bearer": lambda url, key: elastic(url, key, name="elasticsearch", bearer_auth=str),
    "opensearch-py": lambda url, key: elastic(url, key, name="opensearchpy", http_auth=lambda key: ("any", key)),
    "splunk-handler": splunk_handler,
    "splunk-hec-handler": splunk_hec_handler,
    "graypy": graypy,
    "graypy, TCP": graypy_socket,
    "graypy, UDP": graypy_socket,
    "rfc5424-logging-handler": rfc5424,
    "datadog-api-client": datadog,
    "python-json-logger": lambda url, key: json_lines(url, key, formatter=json_formatter),
    "ecs-logging": lambda url, key: json_lines(url, key, formatter=ecs_formatter),
    "structlog": structlog,
}


def main() -> None:
    said, sys.stdout = sys.stdout, sys.stderr  # some of them print
    told = json.loads(sys.stdin.readline())
    outcome: dict[str, Between | str] = {}
    for name, key in told["keys"].items():
        try:
            outcome[name] = CLIENTS[name](told["sockets"].get(name, told["url"]), key)
        except Exception:
            outcome[name] = traceback.format_exc()
    print(json.dumps(outcome), file=said, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

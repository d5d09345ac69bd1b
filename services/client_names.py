"""What sent something, in words: the product that a User-Agent begins with, and the protocol that it spoke."""

from __future__ import annotations

from functools import lru_cache

LONGEST = 60  # characters of a product's name and version that are kept

# As protocols are called in logs/ingest/protocols and in the database; "" for what came before they were noted.
PROTOCOLS = {
    "json": "PulseOps' own API",
    "otlp": "OTLP",
    "loki": "Loki push",
    "elastic": "Elasticsearch bulk",
    "hec": "Splunk HEC",
    "datadog": "Datadog intake",
    "gelf": "GELF",
    "drain": "HTTP drain",
    "heroku": "Heroku drain",
    "firehose": "Amazon Data Firehose",
    "journald": "journald upload",
    "syslog": "syslog",
    "deployments": "the deployments API",
}
# The names under which products present themselves, where those say less than they could.
_PRODUCTS = {
    "elastic-filebeat": "Filebeat",
    "elastic-metricbeat": "Metricbeat",
    "elastic-heartbeat": "Heartbeat",
    "elastic-agent": "Elastic Agent",
    "filebeat": "Filebeat",
    "fluent-bit": "Fluent Bit",
    "vector": "Vector",
    "promtail": "Promtail",
    "alloy": "Grafana Alloy",
    "grafanaagent": "Grafana Agent",
    "logstash": "Logstash",
    "opentelemetry collector": "OpenTelemetry Collector",
    "otel-otlp-exporter-python": "OpenTelemetry SDK for Python",
    "otel-otlp-exporter-javascript": "OpenTelemetry SDK for JavaScript",
    "otel-otlp-exporter-java": "OpenTelemetry SDK for Java",
    "otel-otlp-exporter-go": "OpenTelemetry SDK for Go",
    "otel-otlp-exporter-dotnet": "OpenTelemetry SDK for .NET",
    "otel otlp exporter go": "OpenTelemetry SDK for Go",
    "logplex": "Heroku Logplex",
    "datadog-agent": "Datadog Agent",
    "systemd-journal-upload": "systemd-journal-upload",
    "go-http-client": "a Go program",
    "python-requests": "Python requests",
    "python-urllib": "Python urllib",
    "node": "Node",
    "axios": "axios",
}


@lru_cache(maxsize=256)
def product_of(user_agent: str) -> str:
    """Return the product that a User-Agent names first, with its version: "Filebeat/8.17.1"; "" if it names none.

    What it says is a stranger's: only printable ASCII is taken, and no more than LONGEST characters.
    """
    head = user_agent[: 4 * LONGEST].partition("(")[0].strip()
    product = head if " " in head.partition("/")[0] else head.split(" ")[0]
    return product[:LONGEST] if product.isascii() and product.isprintable() else ""


def client_label(product: str) -> str:
    """Say a product as people call it, with its version: "Filebeat 8.17.1"."""
    name, _, version = product.partition("/")
    label = _PRODUCTS.get(name.strip().lower(), name)
    return f"{label} {version}".strip()


def sender_label(protocol: str, product: str) -> str:
    """Say who sent something and how, as the end of a sentence: "by Filebeat 8.17.1 (Elasticsearch bulk)"."""
    spoken = PROTOCOLS.get(protocol, protocol)
    if product:
        return f"by {client_label(product)}" + (f" ({spoken})" if spoken else "")
    return f"by {spoken}" if spoken else ""

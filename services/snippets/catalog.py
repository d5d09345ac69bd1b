"""Which programs, libraries, shippers and platforms can send logs here, and what to say beside the text of each.

To add one: its text in `clients/`, an entry here, and either a test that runs it (tests/clients) or is_run=False.
"""

from __future__ import annotations

from services.snippets.client import Client, ClientGroup

_OWN = "One file without dependencies. It queues and sends in batches, and waits when it is asked to."
_PIP = "pip install"

PROGRAMS = ClientGroup(
    "Your program",
    "",
    (
        Client("curl", "curl.sh", "Any language that can post JSON does the same.", "http api bash", is_run=True),
        Client("Python", "pulseops_logging.py", _OWN, "django flask fastapi", is_run=True),
        Client("Node", "pulseops.mjs", _OWN, "javascript typescript express", is_run=True),
        Client("Go", "pulseops.go", _OWN, "golang slog", is_run=True),
        Client("Ruby", "pulseops.rb", _OWN, "rails", is_run=True),
        Client("Java", "PulseOps.java", _OWN, "kotlin spring", is_run=True),
    ),
)

OPENTELEMETRY = ClientGroup(
    "OpenTelemetry",
    "opentelemetry",
    (
        Client(
            "OpenTelemetry · Python",
            "otel-python.sh",
            "Sends what your program writes with logging, with the trace it belongs to.",
            "otlp otel django flask",
            install=f"{_PIP} opentelemetry-distro opentelemetry-exporter-otlp-proto-http "
            "opentelemetry-instrumentation-logging",
            is_run=True,
        ),
        Client(
            "OpenTelemetry · Node",
            "otel-node.sh",
            "Sends what your program writes with pino, winston or bunyan.",
            "otlp otel javascript",
            install="npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node",
            is_run=True,
        ),
        Client(
            "OpenTelemetry · Java",
            "otel-java.sh",
            "Put opentelemetry-javaagent.jar, 2.0 or newer, beside it. Sends Logback, Log4j and java.util.logging.",
            "otlp otel spring kotlin",
        ),
        Client(
            "OpenTelemetry · Go",
            "otel-go.go",
            "Reads the three variables of its first lines.",
            "otlp otel golang slog",
            install="go get go.opentelemetry.io/contrib/bridges/otelslog "
            "go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp go.opentelemetry.io/otel/sdk/log",
        ),
        Client(
            "OpenTelemetry · .NET",
            "otel-dotnet.sh",
            "With the automatic instrumentation installed. Sends what your program writes with ILogger.",
            "otlp otel csharp c# aspnet",
        ),
        Client(
            "OpenTelemetry · Collector",
            "collector.yaml",
            "Reads files, and takes OTLP from your programs. The queue on the disk keeps logs while PulseOps is away.",
            "otlp otel otelcol contrib",
            folder="/etc/otelcol-contrib/config.yaml",
        ),
    ),
)

SHIPPERS = ClientGroup(
    "Shippers",
    "shippers",
    (
        Client(
            "Vector",
            "vector.yaml",
            "Lines that are JSON are read as such. The buffer on the disk keeps logs while PulseOps is away.",
            "datadog file",
            folder="/etc/vector/vector.yaml",
        ),
        Client(
            "Fluent Bit",
            "fluent-bit.yaml",
            "Lines that are JSON are read as such. Without retry_limit it drops a chunk after two tries.",
            "fluentbit td-agent tail",
            folder="/etc/fluent-bit/fluent-bit.yaml",
            plain_http=("tls: on", "tls: off"),
        ),
        Client(
            "Fluentd",
            "fluentd.conf",
            "The buffer on the disk keeps logs while PulseOps is away.",
            "td-agent",
            folder="/etc/fluent/fluentd.conf",
        ),
        Client(
            "Filebeat",
            "filebeat.yml",
            "As to Elasticsearch 8. The two last lines are needed: there are no templates to set up.",
            "elastic beats metricbeat",
            folder="/etc/filebeat/filebeat.yml",
        ),
        Client(
            "Logstash",
            "logstash.conf",
            "As to Elasticsearch. Say the port: without one Logstash takes 9200.",
            "elastic elk",
            folder="/etc/logstash/conf.d/pulseops.conf",
        ),
        Client(
            "Grafana Alloy",
            "alloy.alloy",
            "As to Loki. Labels become fields.",
            "loki grafana agent",
            folder="/etc/alloy/config.alloy",
        ),
        Client(
            "Promtail",
            "promtail.yaml",
            "As to Loki. Promtail has reached its end of life; Alloy follows it.",
            "loki grafana",
            folder="/etc/promtail/config.yml",
        ),
        Client(
            "Datadog Agent",
            "datadog.yaml",
            "Only logs are sent here. The Agent's metrics go on to Datadog, for which it needs a Datadog key: "
            "use an Agent for logs alone.",
            "dd",
            folder="/etc/datadog-agent/datadog.yaml",
            plain_http=("logs_no_ssl: false", "logs_no_ssl: true"),
        ),
    ),
)

SYSTEM = ClientGroup(
    "System logs",
    "system",
    (
        Client(
            "rsyslog",
            "rsyslog.conf",
            "Sends all that this machine logs. The queue keeps it while PulseOps is away.",
            "syslog linux debian",
            folder="/etc/rsyslog.d/60-pulseops.conf",
            install="apt-get install rsyslog-elasticsearch",
            then="systemctl restart rsyslog",
            is_run=True,
        ),
        Client(
            "syslog-ng",
            "syslog-ng.conf",
            "Sends all that s_src reads, which is Debian's name for this machine's logs.",
            "syslog linux axosyslog debian",
            folder="/etc/syslog-ng/conf.d/pulseops.conf",
            install="apt-get install syslog-ng-mod-http",
            then="systemctl restart syslog-ng",
            is_run=True,
        ),
        Client(
            "journald",
            "journald.conf",
            "Every machine with systemd, without another shipper: it sends the journal, and goes on where it stopped.",
            "systemd journal linux debian upload",
            folder="/etc/systemd/journal-upload.conf",
            install="apt-get install systemd-journal-remote",
            then="systemctl enable --now systemd-journal-upload",
        ),
        Client(
            "Syslog and GELF",
            "syslog.sh",
            "For what speaks no HTTP: routers, Docker's drivers syslog and gelf, gelf-pro, winston-syslog. A key has "
            "ports of its own, which the one who runs PulseOps opens.",
            "udp tcp graylog router firewall rfc5424 rfc3164 docker gelf-pro graypy winston-syslog",
        ),
    ),
)

PLATFORMS = ClientGroup(
    "Containers and platforms",
    "platforms",
    (
        Client(
            "Docker",
            "docker.sh",
            "By the log driver that Docker brings; docker compose and daemon.json have the same options.",
            "container compose podman splunk",
        ),
        Client(
            "Kubernetes",
            "kubernetes.yaml",
            "The OpenTelemetry Collector on every node reads the logs of all containers.",
            "k8s helm container otel daemonset eks gke aks",
        ),
        Client("Heroku", "heroku.sh", "Applications of the Cedar generation.", "logplex drain paas"),
        Client(
            "Heroku Fir", "heroku-fir.sh", "Applications of the Fir generation, by OpenTelemetry.", "paas telemetry"
        ),
        Client(
            "Vercel", "vercel.txt", "Vercel asks for the verification value once, before it sends.", "drain next.js"
        ),
        Client(
            "Cloudflare",
            "cloudflare.sh",
            "Logpush; the address says which of its fields is the message and which the time.",
            "logpush cdn workers",
        ),
        Client(
            "AWS Firehose",
            "firehose.sh",
            "Subscribe log groups of CloudWatch to it. AWS asks for https on port 443.",
            "amazon cloudwatch lambda ecs kinesis",
        ),
    ),
)

LIBRARIES = ClientGroup(
    "Logging libraries",
    "libraries",
    (
        Client(
            "pino",
            "pino.mjs",
            "As to Loki. Trace and request ids of a record become the log's.",
            "node javascript loki express fastify",
            install="npm install pino pino-loki",
            is_run=True,
        ),
        Client(
            "winston",
            "winston.mjs",
            "As to Loki.",
            "node javascript loki express",
            install="npm install winston winston-loki",
            is_run=True,
        ),
        Client(
            "python-logging-loki",
            "python-loki.py",
            "One request for each line: for little traffic.",
            "python loki",
            install=f"{_PIP} python-logging-loki",
            is_run=True,
        ),
        Client(
            "splunk-handler",
            "splunk-handler.py",
            "As to Splunk's HTTP Event Collector.",
            "python hec splunk",
            install=f"{_PIP} splunk-handler",
            is_run=True,
            plain_http=('protocol="https"', 'protocol="http"'),
        ),
        Client(
            "elasticsearch",
            "elasticsearch-logs.py",
            "Its helpers for bulk requests; other Elasticsearch clients take the same address and key.",
            "python elastic opensearch",
            install=f"{_PIP} elasticsearch",
            is_run=True,
        ),
    ),
)

GROUPS = (PROGRAMS, OPENTELEMETRY, SHIPPERS, SYSTEM, PLATFORMS, LIBRARIES)

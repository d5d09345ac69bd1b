"""Where each protocol is spoken. Paths are whole: clients make them of a base address themselves.

`pulseops.core.web.machine_routes` forgives doubled slashes and one at the end, and gives views all below /es/.
"""

from __future__ import annotations

from django.urls import path

from logs.ingest.protocols.datadog import DatadogProtocol, datadog_validate
from logs.ingest.protocols.drains import HttpDrain, VercelDrain
from logs.ingest.protocols.elastic.views import elastic
from logs.ingest.protocols.firehose import FirehoseProtocol
from logs.ingest.protocols.gelf import GelfProtocol
from logs.ingest.protocols.hec import HecProtocol, RawProtocol, hec_ack, hec_health
from logs.ingest.protocols.heroku import HerokuDrain
from logs.ingest.protocols.journald.upload import upload
from logs.ingest.protocols.json import JsonProtocol
from logs.ingest.protocols.loki import LokiProtocol
from logs.ingest.protocols.otlp.protocol import OtherSignal, OtlpProtocol
from logs.ingest.views import answers, intake, not_kept

urlpatterns = [
    path("api/v1/logs/ingest", intake(JsonProtocol()), name="ingest"),
    path("v1/logs", intake(OtlpProtocol()), name="otlp"),
    path("otlp/v1/logs", intake(OtlpProtocol()), name="otlp_below"),
    *(
        path(f"{base}v1/{signal}", not_kept(OtherSignal(), signal), name=f"otlp_{signal}{'_below' if base else ''}")
        for base in ("", "otlp/")
        for signal in ("traces", "metrics")
    ),
    path("loki/api/v1/push", intake(LokiProtocol()), name="loki"),
    path("api/prom/push", intake(LokiProtocol()), name="loki_old"),
    path("ready", answers("ready\n"), name="loki_ready"),
    path("loki/ready", answers("ready\n"), name="loki_ready_below"),
    path("es", elastic, name="elastic"),
    path("services/collector", intake(HecProtocol()), name="hec"),
    path("services/collector/event", intake(HecProtocol()), name="hec_event"),
    path("services/collector/event/1.0", intake(HecProtocol()), name="hec_event_1"),
    path("services/collector/raw", intake(RawProtocol()), name="hec_raw"),
    path("services/collector/raw/1.0", intake(RawProtocol()), name="hec_raw_1"),
    path("services/collector/health", hec_health, name="hec_health"),
    path("services/collector/health/1.0", hec_health, name="hec_health_1"),
    path("services/collector/ack", hec_ack, name="hec_ack"),
    path("api/v2/logs", intake(DatadogProtocol()), name="datadog"),
    path("v1/input", intake(DatadogProtocol()), name="datadog_old"),
    path("v1/input/pol_hidden", intake(DatadogProtocol()), name="datadog_key"),  # the key is taken out of the path
    path("api/v1/validate", datadog_validate, name="datadog_validate"),
    path("gelf", intake(GelfProtocol()), name="gelf"),
    path("drains/http", intake(HttpDrain()), name="drain"),
    path("drains/vercel", intake(VercelDrain()), name="drain_vercel"),
    path("drains/heroku", intake(HerokuDrain()), name="drain_heroku"),
    path("journald/upload", upload, name="journald"),
    path("upload", upload, name="journald_bare"),
    path("firehose", intake(FirehoseProtocol()), name="firehose"),
]

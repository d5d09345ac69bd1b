"""Where each protocol is spoken. Paths are whole: clients make them of a base address themselves.

`pulseops.core.web.machine_routes` forgives doubled slashes and one at the end, and gives views all below /es/.
"""

from __future__ import annotations

from django.urls import path

from logs.ingest.protocols.json import JsonProtocol
from logs.ingest.protocols.otlp.protocol import OtherSignal, OtlpProtocol
from logs.ingest.views import intake, not_kept

urlpatterns = [
    path("api/v1/logs/ingest", intake(JsonProtocol()), name="ingest"),
    path("v1/logs", intake(OtlpProtocol()), name="otlp"),
    path("otlp/v1/logs", intake(OtlpProtocol()), name="otlp_below"),
    *(
        path(f"{base}v1/{signal}", not_kept(OtherSignal()), name=f"otlp_{signal}{'_below' if base else ''}")
        for base in ("", "otlp/")
        for signal in ("traces", "metrics")
    ),
]

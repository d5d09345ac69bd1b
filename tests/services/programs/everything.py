"""Logs much and odd things, and then fails."""

import logging
import os
from typing import Any

from services.snippets.clients.pulseops_logging import PulseOpsHandler


class Broken:
    def __str__(self) -> str:
        raise ValueError("no text")


logging.basicConfig(level=logging.DEBUG, handlers=[PulseOpsHandler(os.environ["URL"], "pol_test")])
log = logging.getLogger("shop")
for number in range(1200):
    log.info("line", extra={"i": number})
try:
    try:
        raise KeyError("inner")
    except KeyError as cause:
        raise RuntimeError("outer") from cause
except RuntimeError as error:
    log.error("failed", extra={"error": error, "trace_id": "t1", "request_id": 7})
log.info("odd", extra={"nan": float("nan"), "fine": 7, "trace_id": None, "request_id": ""})
deep: Any = "LEAF"
for _ in range(50):
    deep = {"deep": deep}
circle: list[Any] = []
circle.append(circle)
log.debug("deep", extra={"deep": deep, "big": 10**500, "circle": circle})
log.info("broken", extra={"broken": Broken(), "fine": 7})
log.info("large", extra={"text": "x" * 3_000_000})
log.info("many", extra={f"field {number}": number for number in range(2000)})
log.warning("")
log.info("last")
raise SystemExit("uncaught")

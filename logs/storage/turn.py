"""The turn that all take who move, index or hand over days of `logs`: two that build indexes CONCURRENTLY wait for each
other forever."""

from __future__ import annotations

PARTITIONS_TURN = "partitions of logs"

"""Storing PulseOps' own log by the key of SELF_LOGGING, without a request."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import connection

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.commit import commit_piece
from logs.ingest.record import lift, row_of
from logs.ingest.rows import batch_of
from pulseops.core.self_logging import PROTOCOL
from services.authentication import Credential
from services.models import ApiKey


def store_own_lines(lines: Sequence[str]) -> None:
    """Store lines of our own log; raises what `commit_piece` does."""
    rows = [row_of(lift(line), line) for line in lines]

    def read(window: AcceptedTimes) -> Batch:
        batch = batch_of(rows, window)
        batch.size = sum(map(len, lines))
        return batch

    try:
        commit_piece(Credential.of_key(settings.SELF_LOGGING, ApiKey.Scope.LOGS, None, PROTOCOL), read)
    finally:
        connection.close()  # there may be nothing more for long

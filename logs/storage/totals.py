"""How many logs there are, as statements for sessions that are not Django's: a backup's snapshot, a scratch server."""

from __future__ import annotations

LARGE = ("log_counts", "log_blocks")  # tables whose rows are not worth counting: their sums say more
COUNTED = "SELECT coalesce(sum(count), 0)::bigint FROM log_counts"
STORED = "SELECT (SELECT count(*) FROM logs) + (SELECT coalesce(sum(count), 0)::bigint FROM log_blocks)"

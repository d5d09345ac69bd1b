"""What pages of an organisation may see of logs."""

from __future__ import annotations

from pulseops.core.db.row_policies import NOTHING, of_org, register, without_policy

register(
    {
        "logs": without_policy(
            "a policy's condition comes before LIKE and jsonpath, so no search could use their indexes, and COPY is "
            "refused; every FROM logs of a page names the organisation by logs.search.plans, and rows are compared"
        ),
        "log_blocks": without_policy(
            "as logs; each FROM log_blocks of a page is built by logs.storage.blocks.table and names the organisation"
        ),
        "log_counts": of_org(may="SELECT"),
        "ingest_refusals": of_org(may="SELECT"),
        "log_rule_counts": of_org(may="SELECT"),
        "ingest_receipts": without_policy("ingest's own; no page reads it", may=NOTHING),
        "saved_log_views": of_org(),
    }
)

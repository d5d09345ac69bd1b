"""What pages of an organisation may see of services and keys."""

from __future__ import annotations

from pulseops.core.db.row_policies import NOTHING, of_org, of_parent, register, without_policy

register(
    {
        "services": of_org(),
        "environments": of_parent("environments", "services", "service_id"),
        "api_keys": of_org(),
        "api_key_token_buckets": without_policy("ingest's own; no page reads it", may=NOTHING),
        "api_key_rate_buckets": of_parent("api_key_rate_buckets", "api_keys", "api_key_id", may="SELECT"),
    }
)

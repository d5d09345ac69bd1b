"""What pages of an organisation may see of alert rules."""

from __future__ import annotations

from pulseops.core.db.row_policies import of_org, of_parent, register

register(
    {
        "alert_rules": of_org(),
        "alert_evaluations": of_org(may="SELECT"),
        "alert_firings": of_parent("alert_firings", "alert_rules", "rule_id"),
        "alert_pendings": of_parent("alert_pendings", "alert_rules", "rule_id"),
    }
)

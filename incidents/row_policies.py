"""What pages of an organisation may see of incidents."""

from __future__ import annotations

from pulseops.core.db.row_policies import of_org, of_parent, register

register(
    {
        "incidents": of_org(),
        "incident_events": of_parent("incident_events", "incidents", "incident_id"),
        "escalation_policies": of_org(),
        "maintenance_windows": of_org(),
    }
)

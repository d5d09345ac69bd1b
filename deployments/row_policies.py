"""What pages of an organisation may see of deployments."""

from __future__ import annotations

from pulseops.core.db.row_policies import of_org, of_parent, register

register(
    {
        "deployments": of_org(),
        "github_integrations": of_parent("github_integrations", "services", "service_id"),
        "webhook_deliveries": of_parent("webhook_deliveries", "github_integrations", "integration_id"),
        "webhook_effects": of_parent("webhook_effects", "github_integrations", "integration_id"),
    }
)

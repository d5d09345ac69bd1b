"""What went out, and how GitHub tells us."""

from __future__ import annotations

from deployments.models.deployment import CALLED_OFF, Deployment, DeploymentQuerySet
from deployments.models.github import (
    GitHubIntegration,
    GitHubIntegrationQuerySet,
    WebhookDelivery,
    WebhookEffect,
    WebhookEffectQuerySet,
)

__all__ = [
    "CALLED_OFF",
    "Deployment",
    "DeploymentQuerySet",
    "GitHubIntegration",
    "GitHubIntegrationQuerySet",
    "WebhookDelivery",
    "WebhookEffect",
    "WebhookEffectQuerySet",
]

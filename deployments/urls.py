from __future__ import annotations

from django.urls import path

from deployments import api
from deployments.views import deployments, integrations

app_name = "deployments"
_GITHUB = "services/<uuid:service_id>/github"

urlpatterns = [
    path("deployments", deployments.deployment_list, name="list"),
    path("deployments/connect", deployments.connect, name="connect"),
    path("deployments/<int:deployment_id>", deployments.deployment_detail, name="detail"),
    path(_GITHUB, integrations.integration, name="integration"),
    path(f"{_GITHUB}/rotate", integrations.rotate, name="integration_rotate"),
    path(f"{_GITHUB}/disconnect", integrations.disconnect, name="integration_disconnect"),
    path(f"{_GITHUB}/deliveries/<int:effect_id>/replay", integrations.replay, name="replay"),
    path("api/v1/deployments", api.create, name="create"),
    path("api/v1/github/webhook", api.webhook, name="webhook"),
]

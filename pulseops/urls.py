"""Every route. Apps bring their own; their paths are whole, because machines and bookmarks know them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from pulseops.core import health

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("services.urls")),
    path("", include("logs.urls")),
    path("", include("deployments.urls")),
    path("", include("notifications.urls")),
    path("", include("incidents.urls")),
    path("", include("alerts.urls")),
    path("api/health", health.health, name="health"),
    path("readyz", health.ready, name="ready"),
    path("admin/", admin.site.urls),
]

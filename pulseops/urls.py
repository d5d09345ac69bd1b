"""Every route. Apps bring their own under one prefix each."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from pulseops.core import health

urlpatterns = [
    path("api/health", health.health, name="health"),
    path("readyz", health.ready, name="ready"),
    path("admin/", admin.site.urls),
]

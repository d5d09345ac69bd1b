"""An installation with one app only."""

from __future__ import annotations

from django.urls import include, path

from pulseops.core import urls as core_urls
from tests.core.frame_urls import show

urlpatterns = [
    path("", include(core_urls)),
    path("", include(([path("services", show, name="list")], "services"))),
]

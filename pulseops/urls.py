"""Every route. Apps bring their own; their paths are whole, because machines and bookmarks know them."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from pulseops.core.web import health
from pulseops.dashboard.views import dashboard, put_steps_away
from pulseops.diagnostics.views import diagnostics
from pulseops.doctor.views import doctor
from pulseops.monitoring.views import metrics
from pulseops.pages import landing, live
from pulseops.pages.palette import search

urlpatterns = [
    path("", landing.landing, name="landing"),
    path("dashboard", dashboard, name="dashboard"),
    path("dashboard/first-steps/hide", put_steps_away, name="put_steps_away"),
    path("search", search, name="search"),
    path("live", live.live, name="live"),
    path("live/banners", live.banners, name="banners"),
    path("settings/diagnostics", diagnostics, name="diagnostics"),
    path("settings/diagnostics/doctor", doctor, name="doctor"),
    path("robots.txt", landing.robots, name="robots"),
    path("favicon.ico", landing.favicon, name="favicon"),
    path("", include("pulseops.core.urls")),
    path("", include("accounts.sign_in_urls")),
    path("", include("accounts.urls")),
    path("", include("services.urls")),
    path("", include("logs.urls")),
    path("", include("deployments.urls")),
    path("", include("notifications.urls")),
    path("", include("incidents.urls")),
    path("", include("alerts.urls")),
    path("", include("pulseops.cron.urls")),
    path("", include("pulseops.docs.urls")),
    path("api/health", health.health, name="health"),
    path("readyz", health.ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
]
if settings.DEBUG:
    urlpatterns.append(path("styleguide", landing.styleguide, name="styleguide"))

handler400 = "pulseops.pages.error_pages.bad_request"
handler403 = "pulseops.pages.error_pages.permission_denied"
handler404 = "pulseops.pages.error_pages.not_found"
handler429 = "pulseops.pages.error_pages.too_many_requests"
handler500 = "pulseops.pages.error_pages.server_error"

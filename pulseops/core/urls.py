"""What belongs to no app: the reader's preferences."""

from __future__ import annotations

from django.urls import path

from pulseops.core.web import preferences

urlpatterns = [
    path("preferences/theme", preferences.set_theme, name="set_theme"),
    path("preferences/zone", preferences.set_zone, name="set_zone"),
]

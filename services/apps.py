from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from pulseops.core.extensions import NAV, NavEntry


class ServicesConfig(AppConfig):
    name = "services"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(60, "Services", "services:list", "service", "s"),
        )
        import_module("services.quotas")

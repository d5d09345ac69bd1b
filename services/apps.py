from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from pulseops.core.extensions import MEMBER_SECRETS, NAV, NavEntry


class ServicesConfig(AppConfig):
    name = "services"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(60, "Services", "services:list", "service", "s"),
        )
        from services.member_keys import MEMBER_KEYS  # noqa: PLC0415  # models are loaded by now

        MEMBER_SECRETS.add(MEMBER_KEYS)
        import_module("services.quotas")

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from pulseops.core.extensions import NAV, NavEntry


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(
                70, "Organisation", "accounts:org_settings", "settings", settings=True, beside="accounts:delete_org"
            ),
            NavEntry(80, "Members", "accounts:members", "users", settings=True, beside="accounts:invite"),
            NavEntry(100, "Audit log", "accounts:audit", "shield", settings=True),
        )
        import_module("accounts.signals")

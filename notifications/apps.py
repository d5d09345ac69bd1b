from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from accounts.audit.descriptions import PHRASES
from pulseops.core.extensions import NAV, NavEntry


class NotificationsConfig(AppConfig):
    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(90, "Notifications", "notifications:channels", "send", settings=True),
        )
        PHRASES["channel.secret_rotated"] = "rotated the signing secret of"
        PHRASES["notification.replayed"] = "sent a message once more to"
        PHRASES["channel.routed"] = "changed what is sent to the channel"
        import_module("notifications.quotas")

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The floor that every app stands on: it imports none of them."""

    name = "pulseops.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from pulseops.core.extensions import (
    BEFORE_DELETE,
    KEY_NOTICES,
    LOG_VOLUME,
    NAV,
    RETENTION_LOSSES,
    SERVICE_PANELS,
    NavEntry,
)
from pulseops.core.self_logging import STORE


class LogsConfig(AppConfig):
    name = "logs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(20, "Logs", "logs:explorer", "logs", "l"),
        )
        from logs.explorer.service_volume import logs_that_would_go, service_panel  # noqa: PLC0415  # models are loaded by now
        from logs.ingest.refusals import key_notice, refusals_panel  # noqa: PLC0415  # models are loaded by now
        from logs.ingest_rules.views import rules_panel  # noqa: PLC0415  # models are loaded by now
        from logs.reading import volume  # noqa: PLC0415  # models are loaded by now
        from logs.self_logging import store_own_lines  # noqa: PLC0415  # models are loaded by now
        from logs.storage.bulk_delete import empty  # noqa: PLC0415  # models are loaded by now
        from logs.storage.distribute import distribute_new_database  # noqa: PLC0415  # models are loaded by now

        STORE[:] = [store_own_lines]
        post_migrate.connect(distribute_new_database, sender=self, dispatch_uid="logs.storage.distribute")
        BEFORE_DELETE.add(empty)
        SERVICE_PANELS.add(refusals_panel)
        SERVICE_PANELS.add(service_panel)
        KEY_NOTICES.add(key_notice)
        LOG_VOLUME.add(volume)
        SERVICE_PANELS.add(rules_panel)
        RETENTION_LOSSES.add(logs_that_would_go)
        import_module("logs.quotas")
        import_module("logs.syslog.checks")

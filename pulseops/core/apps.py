from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

from pulseops.core.db import row_security
from pulseops.core.db.answer_timeout import bound_new_connection, work_in_background
from pulseops.core.db.priority import give_way_always, lower_new_connection


class CoreConfig(AppConfig):
    """The floor that every app stands on: it imports none of them."""

    name = "pulseops.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_q.signals import pre_execute  # noqa: PLC0415  # models are not loaded at import time

        from pulseops.core.jobs.allowed_tasks import refuse_other_tasks  # noqa: PLC0415

        autodiscover_modules("tasks")  # fills the registry of recorded jobs
        autodiscover_modules("checks", "row_policies")
        import_module("pulseops.core.db.checks")
        import_module("pulseops.core.db.cluster_checks")
        connection_created.connect(row_security.watch_connection, dispatch_uid="pulseops.core.db.row_security")
        import_module("pulseops.core.secret_check")  # its system check
        connection_created.connect(bound_new_connection, dispatch_uid="pulseops.core.db.answer_timeout")
        pre_execute.connect(refuse_other_tasks, dispatch_uid="pulseops.core.jobs.allowed_tasks")
        pre_execute.connect(work_in_background, dispatch_uid="pulseops.core.db.answer_timeout")
        connection_created.connect(lower_new_connection, dispatch_uid="pulseops.core.db.priority")
        pre_execute.connect(give_way_always, dispatch_uid="pulseops.core.db.priority")
        post_migrate.connect(_after_migrate, dispatch_uid="pulseops.core.schedules")


def _after_migrate(app_config: AppConfig, using: str = "default", apps: Any = None, **_: Any) -> None:
    """Once the last app is migrated, set the worker's schedules; before, note whose secrets these are.

    `apps` are the models as far as they have been migrated, which need not be all; a flush gives none.
    """
    is_there = apps is None or "schedule" in apps.all_models["django_q"]
    if app_config.name == "django_q" and using == "default" and is_there:
        from pulseops.core.jobs.registry import ensure_schedules  # noqa: PLC0415  # models are not loaded at import time

        ensure_schedules()
    if app_config.name == "pulseops.core" and using == "default" and _has_secret_checks(apps):
        from pulseops.core.secret_check import remember_secrets  # noqa: PLC0415  # models are not loaded at import time

        remember_secrets()


def _has_secret_checks(apps: Any) -> bool:
    return apps is None or "secretcheck" in apps.all_models["core"]

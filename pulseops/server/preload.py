"""All code, templates and the list of static files, loaded before the web server's first worker is forked.

gunicorn replaces its workers from time to time. If a worker loaded these itself, one made after `git pull` would mix
the new version with what still runs: new templates under old views, new pages with old names of static files. So all
workers are of the version that was started, until PulseOps is started again. Nothing here connects to the database:
neither a connection nor a thread must be there when workers are forked.
"""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import loader

_NOT_SERVED = {"migrations", "management", "settings", "gunicorn", "wsgi", "bootstrap"}
_OTHERS = ("django_q.cluster", "gunicorn.app.wsgiapp", "pulseops.management.commands.worker", "runpy")


def load_everything() -> None:
    """Load all code and the manifest of static files, which are collected by now."""
    load_code()
    getattr(staticfiles_storage, "hashed_files", None)
    gc.collect()
    gc.freeze()  # what is here stays: the collector of a fork need not touch it, so its memory stays shared
    gc.enable()  # gunicorn's file began without it, and in a fork of `manage.py up` all apps were loaded before that


def load_code() -> None:
    """Import our modules, compile our templates."""
    for name in (*_OTHERS, *_modules()):
        import_module(name)
    for name in _templates():
        loader.get_template(name)


def _modules() -> Iterator[str]:
    for app in apps.get_app_configs():
        if Path(app.path).is_relative_to(settings.BASE_DIR / app.name.split(".")[0]):
            yield from _modules_below(app.name, app.path)


def _modules_below(package: str, path: str) -> Iterator[str]:
    for module in pkgutil.iter_modules([path]):
        if module.name not in _NOT_SERVED:
            yield f"{package}.{module.name}"
            if module.ispkg:
                yield from _modules_below(f"{package}.{module.name}", f"{path}/{module.name}")


def _templates() -> Iterator[str]:
    root = settings.BASE_DIR / "templates"
    return (str(path.relative_to(root)) for path in sorted(root.rglob("*.*")))

"""What the web server loads before its workers are forked, and that workers made later are the version that runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.support.installation import ROOT, Installation, stop
from tests.support.waiting import wait_until

_LOAD = """
import gc, json, runpy, sys, threading
gc.disable()
import django
django.setup()
from django.db import connections
from django.template import loader
from pulseops.server.preload import load_everything
is_collecting = [gc.isenabled()]
import pulseops.server.gunicorn
is_collecting.append(gc.isenabled())
load_everything()
is_collecting.append(gc.isenabled())
sys.argv = ["manage.py", "shell", "--no-imports", "--command", "pass"]
runpy.run_path("manage.py")["main"]()
is_collecting.append(gc.isenabled())
before = set(sys.modules)
from django.urls import get_resolver
len(get_resolver().url_patterns)
cached = loader.engines["django"].engine.template_loaders[0].get_template_cache
print(json.dumps({
    "is_collecting": is_collecting,
    "threads": threading.active_count(),
    "connected": [each.alias for each in connections.all() if each.connection is not None],
    "late": sorted(name for name in set(sys.modules) - before if "test" not in name),
    "templates": sorted(cached),
}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What stands in a process after it has loaded everything."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD],
        cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "PULSEOPS_DATA_DIR": str(tmp_path_factory.mktemp("data"))},
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_nothing_is_there_that_a_fork_would_break(loaded: dict[str, list[str]]) -> None:
    assert loaded["threads"] == 1
    assert loaded["connected"] == []


def test_garbage_is_collected_once_all_is_loaded(loaded: dict[str, list[str]]) -> None:
    """In a fork of `manage.py up` too, where apps are loaded before gunicorn's file or manage.py begin."""
    assert loaded["is_collecting"] == [True, False, True, True]


def test_nothing_is_left_to_load_for_a_request(loaded: dict[str, list[str]]) -> None:
    assert loaded["late"] == []
    ours = {str(path.relative_to(ROOT / "templates")) for path in Path(ROOT / "templates").rglob("*.html")}
    assert ours <= set(loaded["templates"])


def page(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
@pytest.mark.xdist_group("installation")
def test_a_worker_made_after_an_upgrade_is_of_the_version_that_runs(installation: Installation, tmp_path: Path) -> None:
    upgraded = installation.twin({**installation.environment, "STATIC_ROOT": str(tmp_path), "WEB_WORKERS": "1"})
    shutil.copytree(installation.environment["STATIC_ROOT"], tmp_path, dirs_exist_ok=True)
    web = upgraded.start_web()
    try:
        before = page(f"{upgraded.url}/login")
        assert before[0] == 200
        assert "/static/css/main." in before[1]
        (tmp_path / "staticfiles.json").write_text('{"paths": {}, "version": "1.1", "hash": ""}')
        replace_only_worker(web.pid)
        status, text = page(f"{upgraded.url}/login")
        assert status == 200
        assert stylesheet(text) == stylesheet(before[1])
        assert page(upgraded.url + stylesheet(text))[0] == 200
        assert json.loads(page(f"{upgraded.url}/readyz")[1])["database"] == "ok"  # with a connection of its own
    finally:
        stop(web)


def stylesheet(html: str) -> str:
    return re.findall(r'"(/static/css/main\.[^"]+)"', html)[0]


def replace_only_worker(arbiter: int) -> None:
    """Ask gunicorn's worker to end, as it does itself after its last request, and wait for the next."""
    (old,) = psutil.Process(arbiter).children()
    old.terminate()
    wait_until(lambda: [child.pid for child in psutil.Process(arbiter).children()] not in ([], [old.pid]))

"""No one makes the worker call what they please: not by the Django admin, not by a row of django-q's tables."""

from __future__ import annotations

import re
from importlib import import_module
from multiprocessing import Queue, Value
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.tasks import async_task
from django_q.worker import worker

from accounts.audit.admin import AuditedModelAdmin
from accounts.models import User
from pulseops.core.admin import ReadOnlyAdmin
from pulseops.core.jobs.allowed_tasks import allowed_tasks
from tests.support.factories import PASSWORD
from tests.support.sign_in import signed_in

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "alerts", "deployments", "incidents", "logs", "notifications", "pulseops", "services")
_TASK = re.compile(r"""["']((?:[a-z_]+\.)+tasks\.[a-z_]+)["']""")


def test_whatever_is_enqueued_the_worker_calls() -> None:
    """Tests that call tasks themselves do not see that the worker refuses them."""
    named = {
        name for app in APPS for path in (ROOT / app).rglob("*.py") for name in _TASK.findall(path.read_text("utf-8"))
    }
    assert len(named) > 8
    for name in named:
        import_module(name.rpartition(".")[0])
    assert named <= allowed_tasks()


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser("root@example.org", PASSWORD))


def test_every_page_of_the_admin_is_audited_or_read_only() -> None:
    others = [
        model._meta.label
        for model, page in admin.site._registry.items()
        if not isinstance(page, AuditedModelAdmin | ReadOnlyAdmin)
    ]
    assert not others


def test_no_schedule_is_added_changed_or_deleted(root: Client) -> None:
    data = {"func": "os.system", "args": "'true',", "schedule_type": "O", "repeats": "-1"}
    before = Schedule.objects.count()
    assert root.post("/admin/django_q/schedule/add/", data).status_code == 403
    job = Schedule.objects.filter(name__startswith="job:").first()
    assert job is not None
    assert root.get(f"/admin/django_q/schedule/{job.pk}/change/").status_code == 200
    assert root.post(f"/admin/django_q/schedule/{job.pk}/change/", data).status_code == 403
    assert root.post(f"/admin/django_q/schedule/{job.pk}/delete/", {"post": "yes"}).status_code == 403
    job.refresh_from_db()
    assert job.func in allowed_tasks()
    assert Schedule.objects.count() == before


@pytest.mark.parametrize("model", [Success, Failure, OrmQ])
def test_nothing_is_submitted_again(root: Client, model: Any) -> None:
    now = timezone.now()
    for number, success in enumerate((True, False)):
        Task.objects.create(id=f"{number}", name="t", func="os.system", started=now, stopped=now, success=success)
    async_task("os.system", "true")
    row, path = model.objects.get(), f"/admin/django_q/{model._meta.model_name}/"
    assert root.get(f"{path}{row.pk}/change/").status_code == 200
    before = OrmQ.objects.count(), Task.objects.count()
    for action in ("resubmit_task", "delete_selected"):
        root.post(path, {"action": action, "_selected_action": [str(row.pk)], "post": "yes"})
    assert (OrmQ.objects.count(), Task.objects.count()) == before


def work(**task: Any) -> dict[str, Any]:
    """Have django-q's own worker do a task; returns the task with its result."""
    tasks: Any = Queue()
    results: Any = Queue()
    tasks.put({"id": "1", "name": "task", "args": (), "kwargs": {}, "sync": True, **task})
    tasks.put("STOP")
    try:
        worker(tasks, results, Value("f", -1), 10)
    except Exception as error:  # with `sync` it is raised as well
        return {"success": False, "result": str(error)}
    done: dict[str, Any] = results.get(timeout=10)
    return done


def test_the_worker_calls_nothing_but_jobs_and_tasks(tmp_path: Any) -> None:
    file = tmp_path / "made"
    refused = work(func="os.system", args=(f"touch {file}",), hook="os.system")
    assert not refused["success"]
    assert "os.system is not a task of PulseOps" in refused["result"]
    assert not file.exists()


@pytest.mark.django_db
def test_the_worker_calls_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert work(func="pulseops.core.tasks.heartbeat")["success"]


@pytest.mark.django_db
def test_every_schedule_is_allowed() -> None:
    assert set(Schedule.objects.values_list("func", flat=True)) <= allowed_tasks()

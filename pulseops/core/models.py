"""Rows that every app may write: job runs and the worker's heartbeat."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class CronRun(models.Model):
    """One run of a recorded job; `meta_json` holds its result, or the error's type and text, and the correlation id."""

    class Status(models.TextChoices):
        SUCCESS = "success"
        FAILURE = "failure"

    id = models.BigAutoField(primary_key=True)
    job_name = models.TextField()
    status = models.TextField(choices=Status.choices)
    duration_ms = models.IntegerField(null=True, blank=True)
    meta_json = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        db_table = "cron_runs"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index("job_name", models.F("created_at").desc(), name="cron_runs_job_created_idx")]

    def __str__(self) -> str:
        return f"{self.job_name} {self.status}"


class Heartbeat(models.Model):
    """The last sign of life of a kind of process (`worker`)."""

    name = models.TextField(primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)

    class Meta:
        db_table = "heartbeats"

    def __str__(self) -> str:
        return self.name

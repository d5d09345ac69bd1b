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
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    org_id = models.UUIDField(
        null=True, blank=True
    )  # other software ran some jobs for one organisation; nothing here does

    class Meta:
        db_table = "cron_runs"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index("job_name", models.F("created_at").desc(), name="cron_runs_job_created_idx")]

    def __str__(self) -> str:
        return f"{self.job_name} {self.status}"


class Heartbeat(models.Model):
    """The last heartbeat of a kind of process (`worker`)."""

    name = models.TextField(primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)

    class Meta:
        db_table = "heartbeats"

    def __str__(self) -> str:
        return self.name


class SecretCheck(models.Model):
    """What tells that a secret of the environment is the one of this database (pulseops.core.secret_check)."""

    name = models.TextField(primary_key=True)
    value = models.TextField()

    class Meta:
        db_table = "secret_checks"

    def __str__(self) -> str:
        return self.name


class AdoptedTable(models.Model):
    """A table that was there, with rows in it, before PulseOps came (pulseops.core.adoption.takeover).

    `rows_after` is counted at the end of the `migrate` that took it over.
    """

    table_name = models.TextField(primary_key=True)
    rows_before = models.BigIntegerField()
    rows_after = models.BigIntegerField(null=True, blank=True)
    adopted_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        db_table = "adopted_tables"

    def __str__(self) -> str:
        return self.table_name


class AdoptionNote(models.Model):
    """Something that was changed when a table was taken over.

    A note about one row has its primary key in `row_key`, and in `old_value` what stood in `column_name`; a note about
    the table has none of them.
    """

    id = models.BigAutoField(primary_key=True)
    table_name = models.TextField()
    row_key = models.TextField(db_default="", default="", blank=True)
    column_name = models.TextField(db_default="", default="", blank=True)
    old_value = models.TextField(null=True, blank=True)
    note = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        db_table = "adoption_notes"
        indexes = [models.Index(fields=["table_name", "row_key"], name="adoption_notes_row_idx")]

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_key}: {self.note}"

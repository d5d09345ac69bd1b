"""One log line as it is stored."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from services.models import ApiKey, Environment, Service


class Level(models.TextChoices):
    """The four levels, from least to most severe; aliases are mapped on the way in."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogEntryQuerySet(models.QuerySet["LogEntry"]):
    def for_org(self, org: Org) -> Self:
        return self.filter(org=org)


class LogEntry(models.Model):
    """One line: `ts` is the sender's time, `created_at` when it was received; both UTC."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    environment = models.ForeignKey(Environment, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    ts = models.DateTimeField()
    level = models.TextField(choices=Level.choices)
    message = models.TextField()
    meta_json = models.JSONField(null=True, blank=True)
    trace_id = models.TextField(null=True, blank=True)
    request_id = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = LogEntryQuerySet.as_manager()

    class Meta:
        db_table = "logs"
        verbose_name = "log"
        constraints = [
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="logs_level_check"),
        ]
        indexes = [
            models.Index("org", "service", "environment", models.F("ts").desc(), name="logs_scope_ts_idx"),
            models.Index("org", models.F("ts").desc(), name="logs_org_ts_idx"),
            models.Index("org", "level", models.F("ts").desc(), name="logs_level_idx"),
            GinIndex(SearchVector("message", config="simple"), name="logs_message_fts_idx"),
            GinIndex(fields=["meta_json"], name="logs_meta_gin_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.ts:%F %T} {self.level} {self.message[:80]}"


class IngestReceipt(models.Model):
    """The answer to a batch that came with an `Idempotency-Key`, given again to whoever repeats it within 24 hours."""

    id = models.BigAutoField(primary_key=True)
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    idempotency_key = models.TextField()
    answer = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        db_table = "ingest_receipts"
        constraints = [
            models.UniqueConstraint(fields=["api_key", "idempotency_key"], name="ingest_receipts_api_key_id_key"),
        ]
        indexes = [models.Index(fields=["created_at"], name="ingest_receipts_created_idx")]

    def __str__(self) -> str:
        return self.idempotency_key

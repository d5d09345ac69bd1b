"""One log line as it is stored."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex, HashIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org, User
from accounts.org_rows import OrgQuerySet
from services.client_names import sender_label
from services.models import ApiKey, Environment, Service


class Level(models.TextChoices):
    """The four levels, from least to most severe; aliases are mapped on the way in."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogEntryQuerySet(OrgQuerySet["LogEntry"]):
    pass


class LogEntry(models.Model):
    """One line: `ts` is the sender's time, `created_at` when it was received; both UTC.

    The table's primary key is (org_id, ts, id), its partitions are days of `ts`: a query that names both is quick. It
    has no foreign keys, for each costs a lookup and a lock a row: triggers on what they would point at delete logs.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
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
            models.UniqueConstraint(fields=["org", "ts", "id"], name="logs_org_ts_idx"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="logs_level_check"),
        ]
        indexes = [
            models.Index("org", "service", "environment", models.F("ts").desc(), name="logs_scope_ts_idx"),
            models.Index("org", "level", models.F("ts").desc(), name="logs_level_idx"),
            # Of errors alone: for every row it cost more than the rest of ingest; searches use the trigram indexes.
            GinIndex(
                SearchVector("message", config="simple"), condition=models.Q(level="error"), name="logs_message_fts_idx"
            ),
            GinIndex(fields=["meta_json"], opclasses=["jsonb_path_ops"], name="logs_meta_gin_idx"),
            HashIndex(fields=["trace_id"], name="logs_trace_idx"),
            HashIndex(fields=["request_id"], name="logs_request_idx"),
            models.Index(
                fields=["org", "created_at"],
                include=["environment"],
                condition=models.Q(level="error"),
                name="logs_error_received_idx",
            ),
            # Rules that count other levels read the newest pages alone; it is a few kB for a million rows.
            BrinIndex(fields=["created_at"], name="logs_received_idx", pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.ts:%F %T} {self.level} {self.message[:80]}"


class LogBlock(models.Model):
    """Logs of one environment that are over, compressed. The table's primary key is (org_id, id).

    `levels` counts them by level, from least to most severe; `logs/storage/blocks/README.md` says what the rest is.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    start_ts = models.DateTimeField()
    end_ts = models.DateTimeField()
    received_from = models.DateTimeField()
    received_to = models.DateTimeField()
    count = models.IntegerField()
    levels = ArrayField(models.IntegerField())
    text_sig = models.BinaryField()
    part_sig = models.BinaryField(default=b"", db_default=b"")
    word_sig = models.BinaryField(default=b"", db_default=b"")
    id_sig = models.BinaryField()
    ranges = models.JSONField(null=True)
    narrow = models.BinaryField()
    message = models.BinaryField()
    meta = models.BinaryField()
    trace = models.BinaryField()
    request = models.BinaryField()
    summary = models.BinaryField(null=True)
    sealed_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    damaged_at = models.DateTimeField(null=True, editable=False)  # when it was first found to be

    class Meta:
        db_table = "log_blocks"
        constraints = [
            models.UniqueConstraint(fields=["org", "id"], name="log_blocks_pkey"),
            models.CheckConstraint(condition=models.Q(count__gt=0), name="log_blocks_count_check"),
        ]
        indexes = [
            models.Index(fields=["org", "end_ts", "start_ts"], include=["count"], name="log_blocks_time_idx"),
            models.Index(fields=["org", "service", "environment", "end_ts"], name="log_blocks_scope_idx"),
            models.Index(fields=["org", "received_to"], name="log_blocks_received_idx"),
            models.Index(fields=["end_ts", "start_ts"], name="log_blocks_days_idx"),
            models.Index(
                fields=["damaged_at"], condition=models.Q(damaged_at__isnull=False), name="log_blocks_damaged_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} logs to {self.end_ts:%F %T}"


class LogCount(models.Model):
    """How many logs of one level and scope lie in one minute of their own time; several rows add up.

    The table's primary key is (org_id, minute, id). `logs.storage.rollup` reads and keeps it.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    minute = models.DateTimeField()
    service = models.ForeignKey(
        Service, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    level = models.TextField(choices=Level.choices)
    count = models.IntegerField()
    is_merged = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "log_counts"
        constraints = [models.UniqueConstraint(fields=["org", "minute", "id"], name="log_counts_pkey")]
        indexes = [
            models.Index(fields=["org", "minute"], condition=models.Q(is_merged=False), name="log_counts_fresh_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.minute:%F %H:%M} {self.level} {self.count}"


class IngestReceipt(models.Model):
    """The answer to a batch that came with an `Idempotency-Key`, given again when it is repeated within 24 hours."""

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


class IngestRefusal(models.Model):
    """How many entries of a key were refused on a day (UTC), by which protocol and why, and the first of them."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    day = models.DateField()
    protocol = models.TextField()
    reason = models.TextField()
    count = models.BigIntegerField()
    sample = models.TextField(default="", db_default="")
    last_at = models.DateTimeField(default=timezone.now, db_default=Now())
    client = models.TextField(default="", db_default="", blank=True)  # the product that sent the last of them

    class Meta:
        db_table = "ingest_refusals"
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "day", "protocol", "reason"], name="ingest_refusals_key_day_key"
            ),
        ]
        indexes = [
            models.Index("org", "service", models.F("last_at").desc(), name="ingest_refusals_service_idx"),
            models.Index(fields=["last_at"], name="ingest_refusals_last_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.reason}"

    @property
    def sender(self) -> str:
        """What sent the last of them: "by Filebeat 8.17.1 (Elasticsearch bulk)"."""
        return sender_label(self.protocol, self.client)


class SavedViewQuerySet(OrgQuerySet["SavedView"]):
    def seen_by(self, user: User) -> Self:
        """Those of the reader, and those that others share."""
        return self.filter(models.Q(owner=user) | models.Q(is_shared=True))


class SavedView(models.Model):
    """A named state of the explorer; `params` are the lasting parameters of its URL, so a relative range stays so."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    owner = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    name = models.CharField(max_length=80)
    params = models.JSONField(default=dict)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        db_table = "saved_log_views"
        constraints = [
            models.UniqueConstraint(fields=["org", "owner", "name"], name="saved_log_views_org_id_owner_id_name_key"),
        ]
        indexes = [models.Index(fields=["owner"], name="saved_log_views_owner_idx")]

    def __str__(self) -> str:
        return self.name


class RuleCount(models.Model):
    """How many logs or secrets an ingest rule of a service met in a day (UTC); `rule` is its name in words."""

    class Kind(models.TextChoices):
        REDACTED = "redacted", "Redacted"
        DROPPED = "dropped", "Dropped"

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    day = models.DateField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    rule = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        db_table = "log_rule_counts"
        constraints = [models.UniqueConstraint(fields=["service", "day", "kind", "rule"], name="log_rule_counts_key")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.rule} on {self.day}: {self.count}"

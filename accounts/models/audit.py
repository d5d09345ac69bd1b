"""The audit log's rows."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models.people import Org, User
from accounts.org_rows import OrgQuerySet


class AuditLogQuerySet(OrgQuerySet["AuditLog"]):
    pass


class AuditLog(models.Model):
    """Who did what to what, when, from where. A trigger refuses UPDATE and DELETE but by cascade and retention."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, null=True, blank=True, db_index=False)
    actor_user = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, blank=True, db_index=False)
    action = models.TextField()
    resource_type = models.TextField()
    resource_id = models.TextField(null=True, blank=True)
    meta_json = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    correlation_id = models.TextField(null=True, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    objects = AuditLogQuerySet.as_manager()

    class Meta:
        db_table = "audit_logs"
        indexes = [
            models.Index(
                "org", models.F("created_at").desc(), models.F("id").desc(), name="audit_logs_org_created_idx"
            ),
            models.Index("org", "action", models.F("created_at").desc(), name="audit_logs_org_action_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.resource_type} {self.resource_id or ''}".rstrip()

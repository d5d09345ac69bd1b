"""What went out."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from accounts.org_rows import OrgQuerySet
from services.models import Environment, Service


class DeploymentQuerySet(OrgQuerySet["Deployment"]):
    def with_rollbacks(self) -> Self:
        """Annotate `is_rollback`: the commit was live there before, and another was since. By the index of both."""
        theirs = {"org": OuterRef("org"), "environment": OuterRef("environment")}
        live = Deployment.objects.filter(status=Deployment.Status.SUCCESS, **theirs)
        later = live.filter(created_at__gt=OuterRef("created_at"), created_at__lt=OuterRef(OuterRef("created_at")))
        others = later.exclude(commit_sha=OuterRef("commit_sha"))
        before = live.filter(commit_sha=OuterRef("commit_sha"), created_at__lt=OuterRef("created_at"))
        return self.annotate(is_rollback=Exists(before.filter(Exists(others)).exclude(commit_sha="")))


class Deployment(models.Model):
    """One commit on its way to one environment: one run of a pipeline, one attempt of it.

    `created_at` is when it began by the sender's clock, never in the future; `status_changed_at` is when we learned the
    present status, by ours. All times are UTC.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SUCCESS = "success"
        FAILURE = "failure"

    class Source(models.TextChoices):
        """Who reported it, from least to most precise; the more precise one's times and result hold."""

        UNKNOWN = "", "Unknown"
        PUSH = "push", "GitHub push"
        RUN = "workflow_run", "GitHub Actions run"
        DEPLOYMENT = "deployment", "GitHub deployment"
        API = "api", "Deployments API"

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="deployments", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.DO_NOTHING, related_name="deployments", db_index=False)
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, related_name="deployments", db_index=False
    )
    commit_sha = models.TextField()
    commit_message = models.TextField(null=True, blank=True)
    author = models.TextField(null=True, blank=True)
    branch = models.TextField(null=True, blank=True)
    status = models.TextField(choices=Status.choices)
    github_delivery_id = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    url = models.TextField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    status_changed_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    source = models.TextField(choices=Source.choices, default="", db_default="", blank=True)
    # The sender's own word for how it ended ("timed_out", "cancelled") where that says more than the status.
    outcome = models.TextField(default="", db_default="", blank=True)
    run_label = models.TextField(default="", db_default="", blank=True)
    # How surely the status is known: `deployments.states` has the table. It only ever grows.
    certainty = models.SmallIntegerField(default=0, db_default=0, editable=False)
    # Whether message and author are the commit's own, not made up from the run's title and the person who started it.
    is_commit_known = models.BooleanField(default=False, db_default=False, editable=False)
    run_id = models.BigIntegerField(null=True, blank=True)
    run_attempt = models.IntegerField(null=True, blank=True)
    github_deployment_id = models.BigIntegerField(null=True, blank=True)
    external_id = models.TextField(null=True, blank=True)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        db_table = "deployments"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "success", "failure"]),
                name="deployments_status_check",
            ),
            # Whatever arrives at once and in whichever order, each of these is one deployment.
            models.UniqueConstraint(
                fields=["service", "environment", "run_id", "run_attempt"], name="deployments_run_key"
            ),
            models.UniqueConstraint(
                fields=["service", "environment", "github_deployment_id"], name="deployments_github_deployment_key"
            ),
            models.UniqueConstraint(
                fields=["service", "environment", "external_id"], name="deployments_external_id_key"
            ),
            models.UniqueConstraint(
                fields=["service", "environment", "commit_sha"],
                condition=models.Q(source="push"),
                name="deployments_push_key",
            ),
        ]
        indexes = [
            models.Index("org", "service", models.F("created_at").desc(), name="idx_deployments_org_svc_ts"),
            models.Index("org", models.F("created_at").desc(), models.F("id").desc(), name="idx_deployments_org_ts"),
            models.Index("environment", models.F("created_at").desc(), name="idx_deployments_env_ts"),
            models.Index(fields=["environment", "commit_sha"], name="idx_deployments_env_sha"),
            models.Index(
                "org", "status_changed_at", condition=models.Q(status="failure"), name="idx_deployments_failed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.short_sha} {self.status}"

    @property
    def short_sha(self) -> str:
        """The first seven characters of the commit's hash; older installations knew some deployments without one."""
        return self.commit_sha[:7]

    @property
    def title(self) -> str:
        """What it is, on one line: the first line of the commit's message, or the run's name."""
        lines = (self.commit_message or "").strip().splitlines()
        return lines[0] if lines else self.run_label or f"Commit {self.short_sha or 'unknown'}"

    @property
    def way_back(self) -> str:
        """How it goes back, if it does: "Rollback" (found by `with_rollbacks`), or "Revert" in git's own words."""
        if getattr(self, "is_rollback", False):
            return "Rollback"
        return "Revert" if self.title.startswith(('Revert "', "Revert “")) else ""

    @property
    def has_long_message(self) -> bool:
        """Whether the commit's message says more than the title."""
        return len((self.commit_message or "").strip().splitlines()) > 1

    @property
    def deployed_at(self) -> datetime:
        """When the new code was live, as far as we know: the end, or the beginning while there is no end."""
        return self.finished_at or self.created_at

    @property
    def is_final(self) -> bool:
        """Whether it has ended; a final status never goes back to pending."""
        return self.status != self.Status.PENDING

    @property
    def duration_seconds(self) -> float | None:
        """From start to end in seconds; None while either is unknown."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    @property
    def state_label(self) -> str:
        """The status as people say it: the sender's own word where that says more."""
        return self.outcome.replace("_", " ").capitalize() if self.outcome else self.status.capitalize()

    @property
    def look(self) -> str:
        """The state whose shape and colour it has: what was called off did not fail."""
        return "skipped" if self.outcome in CALLED_OFF else self.status


# Outcomes of runs that were cancelled before they deployed.
CALLED_OFF = frozenset({"cancelled", "skipped", "stale"})

"""No table grows forever: a job trims it, a quota bounds it, or there are as many rows as of something bounded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import timezone
from django_q.models import Task

from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.tasks import trim_cron_runs

# The job that takes rows away; what they belong to takes others along.
TRIMMED = {
    "alert_firings": "trim_firings",
    "api_key_rate_buckets": "trim_rate_buckets",
    "audit_logs": "trim_audit_log",
    "cron_runs": "trim_cron_runs",
    "deployments": "trim_deployments",
    "django_q_task": "trim_cron_runs",
    "incidents": "trim_incidents",
    "incident_events": "trim_incidents",
    "ingest_receipts": "forget_ingest_receipts",
    "ingest_refusals": "forget_ingest_refusals",
    "invitations": "trim_invitations",
    "log_blocks": "delete_expired_logs",
    "log_counts": "delete_expired_logs",
    "log_rule_counts": "trim_rule_counts",
    "logs": "delete_expired_logs",
    "maintenance_windows": "trim_incidents",
    "notification_attempts": "trim_notifications",
    "notification_jobs": "trim_notifications",
    "notification_received_events": "trim_notifications",
    "org_usage": "trim_usage",
    "orgs": "purge_deleted_orgs",
    "pending_addresses": "trim_pending_addresses",
    "sessions": "trim_sessions",
    "webhook_deliveries": "trim_webhook_deliveries",
    "webhook_effects": "trim_webhook_deliveries",
}
# The quota of its rows.
QUOTAS = {
    "alert_rules": "QUOTA_RULES",
    "api_keys": "QUOTA_KEYS",
    "environments": "QUOTA_ENVIRONMENTS",
    "mfa_authenticator": "PASSKEYS_PER_USER",
    "notification_channels": "QUOTA_CHANNELS",
    "org_members": "QUOTA_MEMBERS",
    "saved_log_views": "QUOTA_VIEWS",
    "services": "QUOTA_SERVICES",
}
# Why there are only so many.
FEW = {
    "account_emailaddress": "not used: addresses are in users and pending_addresses",
    "account_emailconfirmation": "not used: addresses are in users and pending_addresses",
    "adopted_tables": "written by migrate",
    "adoption_notes": "written by migrate",
    "alert_evaluations": "one of an organisation",
    "alert_pendings": "one of a rule and environment, deleted when the condition no longer holds",
    "api_key_token_buckets": "one of a key",
    "auth_group": "superusers",
    "auth_group_permissions": "superusers",
    "auth_permission": "written by migrate",
    "django_admin_log": "superusers",
    "django_content_type": "written by migrate",
    "django_q_ormq": "what is to be done, by forms, mails and messages, which have limits",
    "django_q_schedule": "one of a job",
    "escalation_policies": "one of a severity or rule",
    "github_integrations": "one of a service",
    "heartbeats": "one of a name in our code",
    "identity_providers": "one of an organisation",
    "secret_checks": "one of a kind of secret",
    "socialaccount_socialaccount": "one of a user and provider",
    "socialaccount_socialapp": "superusers",
    "socialaccount_socialtoken": "one of a social account",
    "users": "closed, invited, or by a proved address with throttles; only SIGNUP=open without mail takes all",
}


def test_each_table_is_named_with_what_ends_its_growth() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert tables == TRIMMED.keys() | QUOTAS.keys() | FEW.keys()
    assert not [table for table, job in TRIMMED.items() if job not in REGISTRY]
    assert not [setting for setting in QUOTAS.values() if not hasattr(settings, setting)]


@pytest.mark.django_db
def test_failed_tasks_go_with_the_runs_of_jobs() -> None:
    """django-q2 keeps all of them, and mail that cannot be sent makes one for each message."""
    now = timezone.now()
    for days in (1, 20):
        at = now - timedelta(days=days)
        Task.objects.create(id=f"{days}", name=f"{days} days ago", func="f", started=at, stopped=at, success=False)
    assert trim_cron_runs() == {"deleted": 0, "failed_tasks": 1}
    assert Task.objects.get().id == "1"

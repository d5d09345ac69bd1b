"""What pages may do with the tables that belong to no organisation."""

from __future__ import annotations

from pulseops.core.db.row_policies import ALL, NOTHING, register, without_policy

_JOBS = "the installation's own; no row is an organisation's"
_TAKEN_OVER = "what an older software left, of all organisations: for the operator's reports alone"

register(
    {
        "cron_runs": without_policy(_JOBS),
        "heartbeats": without_policy(_JOBS),
        "secret_checks": without_policy("what tells whose secrets these are; banners and diagnostics read it"),
        "cache_entries": without_policy("counts of throttles and used codes, by keys that pages make", may=ALL),
        "adopted_tables": without_policy(_TAKEN_OVER, may=NOTHING),
        "adoption_notes": without_policy(_TAKEN_OVER, may=NOTHING),
        "django_migrations": without_policy("which migrations were applied; /readyz reads it"),
        "django_content_type": without_policy("the names of models"),
        "auth_permission": without_policy("not used: superusers may all, others nothing", may=NOTHING),
        "auth_group": without_policy("not used", may=NOTHING),
        "auth_group_permissions": without_policy("not used", may=NOTHING),
        "django_admin_log": without_policy("of the Django admin, which is outside the wall", may=NOTHING),
        "django_q_ormq": without_policy("the queue: signed tasks, which pages put in and count", may="SELECT, INSERT"),
        "django_q_schedule": without_policy("when jobs run; what stands here the worker calls"),
        "django_q_task": without_policy("what the worker has done; the diagnostics page reads it"),
    }
)

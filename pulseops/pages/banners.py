"""What keeps PulseOps itself from doing its work, shown to those who can act (design decision 12).

All of it is kept in this process for some seconds, so a page pays for it now and then.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.cache import caches
from django.db.models import DateTimeField, TextField
from django.http import HttpRequest

from accounts.models import Org
from accounts.queries import annotated_org
from accounts.quotas import limits_named
from accounts.refused import lately, refused_since
from alerts.queries import broken_rules, rule_subjects
from alerts.routing import unheard_rules
from logs.ingest.refusals import fresh_refusals, refusal_notice
from notifications.queries import routings, unreachable_channels
from notifications.routing import Subject
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.jobs.runs import read_signs, signs
from pulseops.core.routes import address
from pulseops.core.secret_check import consequence, foreign_secrets
from pulseops.core.ui.times import duration
from pulseops.core.web.health import EVALUATION, WORKER_SILENT_AFTER

KEPT_SECONDS = 15
MOST_NAMED = 5  # rules in one banner
MOST_FAILURES = 3  # in a row, until a channel is reported that has given up no message yet
DISK_LEAST_SHARE, DISK_LEAST_BYTES = 0.10, 2 * 1024**3  # free; less than the smaller of the two is near full


@dataclass(frozen=True, slots=True)
class Banner:
    """One banner: its tone, words, and where to act."""

    tone: str
    title: str
    text: str
    url: str
    action: str
    is_for_developers: bool = False  # who can act on it as well as admins


class Banners:
    """The banners of one request; asks for them when a template first looks."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def all(self) -> Sequence[Banner]:
        """What this reader can act on: admins and superusers get all of it, developers what their services send."""
        request: Any = self.request
        membership = getattr(request, "membership", None)
        if may_act(request):
            return self._everything
        if membership is None or not membership.is_developer:
            return ()
        return tuple(each for each in self._everything if each.is_for_developers)

    @property
    def are_seen(self) -> bool:
        """Whether this reader is one of those who can act, so that a banner may come."""
        membership = getattr(self.request, "membership", None)
        return may_act(self.request) or (membership is not None and membership.is_developer)

    @property
    def rest(self) -> Sequence[Banner]:
        """What this reader cannot act on; the dashboard says it to everybody."""
        return tuple(each for each in self._everything if each not in self.all)

    @cached_property
    def _everything(self) -> Sequence[Banner]:
        request: Any = self.request
        return banners_for(request.org)


def may_act(request: Any) -> bool:
    """Return whether the reader can do something about what is wrong: an admin, or the operator of the installation."""
    membership = getattr(request, "membership", None)
    return membership is not None and (membership.is_admin or request.user.is_superuser)


def banners(request: HttpRequest) -> dict[str, Banners]:
    """Give templates `banners`; costs nothing until one reads `banners.all`, and then once a request."""
    asker: Any = request
    if not hasattr(asker, "pulseops_banners"):
        asker.pulseops_banners = Banners(request)
    return {"banners": asker.pulseops_banners}


def banners_for(org: Org) -> Sequence[Banner]:
    """Return what is wrong with the installation and with the organisation's channels; at most one query."""
    result: Sequence[Banner] | None = caches["process"].get(f"banners:{org.pk}")
    if result is None:
        result = _look(org)
        caches["process"].set(f"banners:{org.pk}", result, KEPT_SECONDS)
    return result


def refresh_banners(org: Org) -> None:
    """Forget what was kept of an organisation, for a page that follows what is done about it."""
    caches["process"].delete(f"banners:{org.pk}")


_ORG = CompiledRows(
    lambda: annotated_org(
        signs=signs(Parameter("jobs", ArrayField(TextField()))),
        broken_rules=broken_rules(),
        unreachable_channels=unreachable_channels(failures=MOST_FAILURES),
        rule_subjects=rule_subjects(),
        routings=routings(),
        refused=refused_since(Parameter("lately", DateTimeField())),
        refusals=fresh_refusals(),
    )
)


def _look(org: Org) -> Sequence[Banner]:
    row = _ORG.get(org_id=org.pk, jobs=sorted(REGISTRY), lately=lately())
    heartbeats, failing, secrets = read_signs(row.signs)
    banners = [
        _secrets(secrets),
        _worker(heartbeats.silence("worker"))
        or _loop(heartbeats.silence("loop"))
        or _evaluation(heartbeats.silence(EVALUATION)),
        _rules(row.broken_rules),
        _limits(row.refused),
        _jobs(failing),
        _channels(row.unreachable_channels),
        _unheard(row.rule_subjects, row.routings),
        _refusals(row.refusals),
        _disk(),
    ]
    return tuple(banner for banner in banners if banner)


def _secrets(stored: Mapping[str, str]) -> Banner | None:
    foreign = foreign_secrets(stored)
    if not foreign:
        return None
    text = " ".join(map(consequence, foreign))
    return Banner("error", "The secrets are not this database's.", text, address("diagnostics"), "Diagnostics")


def _worker(silence: timedelta | None) -> Banner | None:
    if silence is not None and silence <= WORKER_SILENT_AFTER:
        return None
    since = (
        f"Its last heartbeat was {duration(silence.total_seconds())} ago." if silence else "It never sent a heartbeat."
    )
    text = f"{since} Until then, notifications may be late and old logs are not deleted. Start it: manage.py up."
    return Banner("error", "The worker is not running.", text, address("diagnostics"), "Diagnostics")


def _loop(silence: timedelta | None) -> Banner | None:
    """The worker does the same once a minute, so this is less bad than a dead worker."""
    if silence is not None and silence <= WORKER_SILENT_AFTER:
        return None
    since = (
        f"Its last heartbeat was {duration(silence.total_seconds())} ago." if silence else "It never sent a heartbeat."
    )
    text = f"{since} Until then, rules are evaluated and messages sent once a minute. Start it: manage.py up."
    return Banner("warn", "The dispatcher is not running.", text, address("diagnostics"), "Diagnostics")


def _evaluation(age: timedelta | None) -> Banner | None:
    """The evaluator is alive, but some organisation waits for its turn."""
    if age is None or age <= WORKER_SILENT_AFTER:
        return None
    text = f"Some have not been evaluated for {duration(age.total_seconds())}, so incidents open late."
    return Banner("error", "Alert rules are evaluated late.", text, address("diagnostics"), "Diagnostics")


def _rules(names: Sequence[str]) -> Banner | None:
    if not names:
        return None
    title = "An alert rule is not evaluated." if len(names) == 1 else f"{len(names)} alert rules are not evaluated."
    shown = ", ".join(names[:MOST_NAMED]) + (" and others" if len(names) > MOST_NAMED else "")
    return Banner("warn", title, f"{shown}: the rule's page says why.", address("alerts:list"), "Alerts")


def _limits(settings_met: Sequence[str]) -> Banner | None:
    """What machines were refused: no one looks at their answers."""
    met = limits_named(settings_met)
    if not met:
        return None
    text = "; ".join(f"{limit.limit:,} {limit.noun} {limit.period}".strip() for limit in met[:MOST_NAMED])
    text = f"In the last hour or two there was more than {text}. What was above it was refused."
    return Banner("warn", "A limit of this organisation was met.", text, f"{address('diagnostics')}#quotas", "Limits")


def _jobs(names: Sequence[str]) -> Banner | None:
    if not names:
        return None
    title = "A background job fails." if len(names) == 1 else f"{len(names)} background jobs fail."
    return Banner("error", title, f"{', '.join(names)}: the last run failed.", address("diagnostics"), "Diagnostics")


def _channels(failing: Sequence[str]) -> Banner | None:
    if not failing:
        return None
    title = "A channel cannot be reached." if len(failing) == 1 else f"{len(failing)} channels cannot be reached."
    more = f" and {len(failing) - MOST_NAMED} more" if len(failing) > MOST_NAMED else ""
    text = f"{', '.join(failing[:MOST_NAMED])}{more}: notifications do not arrive there."
    return Banner("error", title, text, address("notifications:channels"), "Channels")


def _unheard(rules: Sequence[Mapping[str, Any]], channels: Sequence[Any]) -> Banner | None:
    subjects = [
        (each["name"], Subject("created", each["severity"], each["service"], each["environment"], each["id"]))
        for each in rules
    ]
    names = unheard_rules(subjects, channels)
    if not names:
        return None
    title = "An alert rule notifies no channel." if len(names) == 1 else f"{len(names)} alert rules notify no channel."
    shown = ", ".join(names[:MOST_NAMED]) + (" and others" if len(names) > MOST_NAMED else "")
    return Banner(
        "warn",
        title,
        f"{shown}: incidents open, and no message is sent.",
        address("notifications:channels"),
        "Channels",
    )


def _refusals(rows: Sequence[Mapping[str, Any]]) -> Banner | None:
    if not rows:
        return None
    notice = refusal_notice(rows)
    url = address("services:detail", notice.service_id)
    return Banner("warn", notice.title, notice.text, f"{url}#refused", notice.service, is_for_developers=True)


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that the embedded database and the files lie on; bytes."""

    total: int
    free: int

    @property
    def is_near_full(self) -> bool:
        """Whether someone should act."""
        return self.free < min(self.total * DISK_LEAST_SHARE, DISK_LEAST_BYTES)


def data_disk() -> Disk | None:
    """Return the disk of the data directory; None where the database is elsewhere, for its disk cannot be seen."""
    if settings.DATABASE_URL or not settings.DATA_DIR.exists():
        return None
    used = shutil.disk_usage(settings.DATA_DIR)
    return Disk(used.total, used.free)


def _disk() -> Banner | None:
    disk = data_disk()
    if disk is None or not disk.is_near_full:
        return None
    text = f"{disk.free / 1024**3:.1f} GiB are free. When it is full, no log is accepted."
    return Banner("warn", "The disk is nearly full.", text, address("diagnostics"), "Diagnostics")

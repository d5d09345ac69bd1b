"""An organisation with one of everything, and all that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Role, User
from deployments.github.signatures import derive_secret, hash_secret
from deployments.models import GitHubIntegration
from services.models import Environment
from tests.fuzz.forms import Shape, shapes, strangers_shapes
from tests.fuzz.fuzzer import Fuzzer
from tests.fuzz.large import Load
from tests.fuzz.machines import Seed, seeds
from tests.fuzz.readers import Readers, signed_out_addresses
from tests.support.factories import PASSWORD, make_key, make_member
from tests.visits.pages import pages
from tests.visits.rows import BUSY, demo_org, rows_of

SCOPES = ["logs", "deployments"]


class Targets:
    """Made once; `fuzz` draws requests of them. Pages whose address `skip` takes are not among them."""

    def __init__(self, skip: Callable[[str], bool] = lambda _: False) -> None:
        org = demo_org(timezone.now())
        superuser = User.objects.create_superuser("root@pulseops.example", PASSWORD)
        root = make_member(org, Role.ADMIN, user=superuser)

        self.readers = Readers(org, root)
        place = Environment.objects.get(service__org=org, service__name=BUSY, name="production")
        key = make_key(place, scopes=SCOPES, rate_per_minute=1_000_000)
        integration = GitHubIntegration.objects.get(service=place.service)
        integration.webhook_secret_hash = hash_secret(derive_secret(integration))
        integration.save()
        self.machines: Sequence[Seed] = seeds(key, integration, settings.INTERNAL_CRON_SECRET)
        self.shapes: Sequence[Shape] = [
            *shapes(self.readers.operator(), [page for page in pages(rows_of(org)) if not skip(page.address)]),
            *strangers_shapes(signed_out_addresses(org)),
        ]

    def fuzz(self, fuzzer: Fuzzer, random: Random, *, machines: int, shapes: int) -> None:
        """Send so many changed requests of each kind, evenly over all there are."""
        for target, count, send in ((self.machines, machines, fuzzer.machine), (self.shapes, shapes, fuzzer.page)):
            _evenly(target, count, send, random)

    def everywhere(self, fuzzer: Fuzzer, draw: Callable[[], Load], *, share: float = 1.0) -> None:
        """Send the largest requests to every route, or `share` of them; `draw` gives each its shape.

        All of them to each with every set of fields that a page sends there; of a share one to each.
        """
        targets: list[Seed | Shape] = [*self.machines, *self.shapes]
        if share < 1:
            targets = list({(each.method, each.path): each for each in targets}.values())
        for target in targets:
            fuzzer.large(target, draw(), share=share)


def _evenly(target: Sequence[Any], count: int, send: Callable[[Any], None], random: Random) -> None:
    for number in range(count):
        if number % len(target) == 0:
            order = random.sample(target, len(target))
        send(order[number % len(target)])

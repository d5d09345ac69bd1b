"""A few hundred changed requests and the largest of each route, the same at every run; `make fuzz` sends others."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.fuzz.fuzzer import Fuzzer, as_served
from tests.fuzz.large import loads
from tests.fuzz.machines import machine_paths
from tests.fuzz.targets import Targets

SEED, MACHINES, SHAPES = 20_261, 240, 0  # of pages, which change from day to day, only `make fuzz` sends
GENEROUS_SECONDS = 3.0  # of CPU: a budget that a busy machine does not break
SHARE = 0.1  # of the largest size and of the budget: quick, and what grows faster than its input is seen

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(400)]


def test_no_changed_request_is_a_fault_of_the_server_and_no_large_one_above_its_budget() -> None:
    random = Random(SEED)  # the same requests at every run
    with as_served():
        targets = Targets(skip=lambda address: address.startswith("/admin/"))  # `make fuzz` has them
        assert {seed.path.split("?")[0] for seed in targets.machines} >= machine_paths() - {
            "/es",
            "/v1/input/pol_hidden",
        }
        fuzzer = Fuzzer(random, targets.readers, GENEROUS_SECONDS)
        targets.fuzz(fuzzer, random, machines=MACHINES, shapes=SHAPES)
        largest = Fuzzer(random, targets.readers)
        with override_settings(INGEST_FOREIGN_MAX_LOGS=int(settings.INGEST_FOREIGN_MAX_LOGS * SHARE)):
            send_the_largest(targets, largest)
    assert not fuzzer.report.faults, str(fuzzer.report)
    assert not largest.report.faults, str(largest.report)


def send_the_largest(targets: Targets, fuzzer: Fuzzer) -> None:
    """Send a tenth of the largest request to each route but the Django admin's, which `make fuzz` does."""

    @hypothesis_settings(max_examples=2, derandomize=True, database=None, phases=[Phase.generate])
    @given(data=st.data())
    def walk(data: Any) -> None:
        if data.draw(st.integers(0, 1_000)):  # hypothesis begins with the simplest of all, which is no request here
            targets.everywhere(fuzzer, lambda: data.draw(loads), share=SHARE)

    walk()

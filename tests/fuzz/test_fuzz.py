"""A few hundred changed requests, the same at every run; `make fuzz` sends others, for as long as one likes."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.fuzzer import Fuzzer, as_served
from tests.fuzz.machines import machine_paths
from tests.fuzz.targets import Targets

SEED, MACHINES, SHAPES = 20_261, 240, 0  # of pages, which change from day to day, only `make fuzz` sends
GENEROUS_SECONDS = 3.0  # of CPU: a budget that a busy machine does not break

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(400)]


def test_no_changed_request_is_a_fault_of_the_server() -> None:
    random = Random(SEED)  # the same requests at every run
    with as_served():
        targets = Targets()
        assert {seed.path.split("?")[0] for seed in targets.machines} >= machine_paths() - {
            "/es",
            "/v1/input/pol_hidden",
        }
        fuzzer = Fuzzer(random, targets.sign_in, GENEROUS_SECONDS)
        targets.fuzz(fuzzer, random, machines=MACHINES, shapes=SHAPES)
    assert not fuzzer.report.faults, str(fuzzer.report)

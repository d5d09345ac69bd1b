"""`make fuzz`: other requests at each run, for FUZZ_MINUTES; FUZZ_SEED repeats a run. No growth of memory either."""

from __future__ import annotations

import ctypes
import gc
import os
import secrets
import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.fuzzer import Fuzzer, as_served
from tests.fuzz.large import Load
from tests.fuzz.targets import Targets

MINUTES = float(os.environ.get("FUZZ_MINUTES", "5"))
BUDGET_SECONDS = float(os.environ.get("FUZZ_CPU_SECONDS", "1"))
LARGEST = 60  # requests of the largest size, in each round
MOST_GROWTH = 64 * 1024**2  # bytes, from the first quarter's end to the last; caches fill in the first

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(int(MINUTES * 60) + 900)]


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free stays with the process else, as long as it likes
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_many_changed_requests(capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(10**9))
    random = Random(seed)  # to be repeated
    with as_served():
        targets = Targets()
        fuzzer = Fuzzer(random, targets.readers, BUDGET_SECONDS)
        began, memory = time.monotonic(), list[int]()
        while time.monotonic() - began < MINUTES * 60:
            targets.fuzz(fuzzer, random, machines=200, shapes=200)
            for target in random.sample([*targets.machines, *targets.shapes], LARGEST):
                fuzzer.large(target, Load.drawn(random))
            memory.append(resident())
    growth = memory[-1] - memory[len(memory) // 4]
    with capsys.disabled():
        print(
            f"\nFUZZ_SEED={seed} FUZZ_MINUTES={MINUTES:g}: {fuzzer.report}\nmemory grew by {growth / 1024**2:.1f} MiB"
        )
    assert not fuzzer.report.faults
    assert growth < MOST_GROWTH

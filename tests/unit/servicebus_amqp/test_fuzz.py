"""The short, repeatable run of the fuzzer; see tests/fuzz/servicebus for the long one."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.servicebus.corpus import SEEDS, changed
from tests.fuzz.servicebus.targets import TARGETS, failures_escape

INPUTS = {"value": 20_000, "message": 10_000, "frames": 2000, "connection": 4000, "bus": 1000}


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_what_reads_them(name: str) -> None:
    chance = Random(f"tillbus {name}")

    with failures_escape():
        for seed in SEEDS[name]:
            TARGETS[name](seed)
        for _ in range(INPUTS[name]):
            TARGETS[name](changed(name, chance))

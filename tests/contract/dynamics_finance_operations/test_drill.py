"""Connections that break in the middle of a write, many times."""

from __future__ import annotations

import pytest

from tests.contract.dynamics_finance_operations.drills import DRILLS
from tests.dynamics_drill import WRITES, Drill, run


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
async def test_broken_connections_double_and_lose_nothing(drill: Drill) -> None:
    (await run(drill, WRITES // len(DRILLS))).check()

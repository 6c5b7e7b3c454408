"""Connections that break in the middle of a write, many times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest

from infra.local.dynamics import DynamicsSimulator
from shared.clock import utc_now
from shared.dynamics import Booked, Posting
from shared.dynamics.connection import connect
from shared.dynamics.odata.requests import create
from shared.dynamics.service import Uncertain
from tests.contract.dynamics.conftest import inspect, settings_for
from tests.contract.dynamics.drills import DRILLS
from tests.dynamics_drill import WRITES, Drill, Target, run


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
async def test_broken_connections_double_and_lose_nothing(drill: Drill) -> None:
    (await run(drill, WRITES)).check()


@pytest.mark.parametrize("repeats", [True, False])
async def test_the_drill_notices_who_repeats_blindly_and_who_never_repeats(repeats: bool) -> None:
    @asynccontextmanager
    async def careless(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
        numbers = count()

        async def stored() -> Sequence[Hashable]:
            listing = await inspect(simulator, "transactions/list")
            return [each["ChannelReferenceId"] for each in listing["value"]]

        async with connect(settings_for(simulator), "/data", clock=utc_now) as service:

            async def write(chunk: Sequence[int]) -> Sequence[Posting]:
                for each in chunk:
                    for _ in range(10 if repeats else 1):
                        document = {
                            "dataAreaId": "usrt",
                            "OperatingUnitNumber": "S1",
                            "Terminal": "T1",
                            "TransactionNumber": str(next(numbers)),
                            "ChannelReferenceId": f"fact-{each}",
                        }
                        try:
                            await service.write(create("RetailTransactions", document))
                            break
                        except Uncertain:
                            continue
                return [Booked("", already_there=False)] * len(chunk)

            yield Target(write, stored)

    outcome = await run(Drill("careless", r"^/data/RetailTransactions$", careless), 100)

    assert outcome.dropped_before
    assert outcome.dropped_after
    assert (outcome.duplicates > 0, outcome.lost > 0) == (repeats, not repeats)
    with pytest.raises(AssertionError):
        outcome.check()

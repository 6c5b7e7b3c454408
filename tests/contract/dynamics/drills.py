"""What the ambiguous-timeout drill writes to Finance & Operations as retail transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Posting, finance_operations
from tests.contract.dynamics.conftest import inspect, settings_for
from tests.contract.dynamics.sales import sale
from tests.dynamics_drill import Drill, Target


@asynccontextmanager
async def _retail_transactions(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
    async def stored() -> Sequence[Hashable]:
        keys: list[Hashable] = []
        page: int | None = 0
        while page is not None:
            listing = await inspect(simulator, f"transactions/list?skip={page}")
            keys += [each["ChannelReferenceId"] for each in listing["value"]]
            page = listing["next"]
        return keys

    async with finance_operations(settings_for(simulator)) as dynamics:

        async def write(numbers: Sequence[int]) -> Sequence[Posting]:
            return await dynamics.transactions.post([sale(number) for number in numbers])

        yield Target(write, stored)


DRILLS = (
    Drill("finance-operations retail transactions", r"^/data/\$batch$", _retail_transactions),
)

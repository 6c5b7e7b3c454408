"""What the ambiguous-timeout drill writes to Commerce: uploads of orders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager

import httpx

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Posting
from shared.dynamics.commerce import commerce
from tests.contract.dynamics_commerce.conftest import sale, settings_for
from tests.dynamics_drill import Drill, Target


@asynccontextmanager
async def _orders(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
    async def stored() -> Sequence[Hashable]:
        keys: list[Hashable] = []
        skip: int | None = 0
        async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
            while skip is not None:
                query = {"product": "commerce", "set": "SalesOrders", "skip": str(skip)}
                page = (await http.get("/entities", params=query)).raise_for_status().json()
                keys += [row["ChannelReferenceId"] for row in page["value"]]
                skip = page["next"]
        # Whether a tenant refuses a second upload is unknown: none may be tried.
        assert simulator.counts.listing().get("second-uploads", 0) == 0
        return keys

    async with commerce(settings_for(simulator)) as port:

        async def write(numbers: Sequence[int]) -> Sequence[Posting]:
            return await port.sales_documents.post([sale(number) for number in numbers])

        yield Target(write, stored)


DRILLS = (Drill("commerce orders", r"^/Commerce/SalesOrders$", _orders),)

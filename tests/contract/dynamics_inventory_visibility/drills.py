"""What the ambiguous-timeout drill writes to Inventory Visibility."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Posting
from shared.dynamics.inventory_visibility import inventory_visibility
from shared.dynamics.ports.stock import Reservation
from tests.contract.dynamics_inventory_visibility.conftest import settings_for, sold
from tests.dynamics_drill import Drill, Target


async def _rows(simulator: DynamicsSimulator, entity_set: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    skip: int | None = 0
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        while skip is not None:
            query = {"product": "inventory-visibility", "set": entity_set, "skip": str(skip)}
            page = (await http.get("/entities", params=query)).raise_for_status().json()
            rows += page["value"]
            skip = page["next"]
    return rows


async def _counted(simulator: DynamicsSimulator, measure: str) -> list[Hashable]:
    """Each product is changed by one: more than one is a duplicate."""
    return [
        str(row["product"])
        for row in await _rows(simulator, "quantities")
        if row["measure"] == measure
        for _ in range(int(float(str(row["quantity"]))))
    ]


@asynccontextmanager
async def _changes(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
    async def stored() -> Sequence[Hashable]:
        return await _counted(simulator, "outbound")

    async with inventory_visibility(settings_for(simulator)) as port:

        async def write(numbers: Sequence[int]) -> Sequence[Posting]:
            return await port.stock.change([sold(n, item=f"P{n}") for n in numbers])

        yield Target(write, stored)


@asynccontextmanager
async def _reservations(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
    """Of nothing: what has no stock can be reserved no other way."""

    async def stored() -> Sequence[Hashable]:
        return [str(row["product"]) for row in await _rows(simulator, "reservations")]

    async with inventory_visibility(settings_for(simulator)) as port:

        async def write(numbers: Sequence[int]) -> Sequence[Posting]:
            return await port.reservations.reserve(
                [Reservation(f"r{n}", "usrt", f"P{n}", Decimal(0), "S1", "W2") for n in numbers]
            )

        yield Target(write, stored)


DRILLS = (
    Drill("inventory-visibility changes", r"onhand(/bulk)?$", _changes, batch=2),
    Drill("inventory-visibility reservations", r"onhand/reserve(/bulk)?$", _reservations),
)

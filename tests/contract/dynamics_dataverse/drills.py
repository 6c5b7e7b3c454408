"""What the ambiguous-timeout drill writes to Dataverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Posting
from shared.dynamics.dataverse import Dataverse, dataverse
from tests.contract.dynamics_dataverse.conftest import settings_for
from tests.contract.dynamics_dataverse.rows import customer, gift, note, points
from tests.dynamics_drill import Drill, Target

_PATH = r"/api/data/"
_PAGE = 10_000

Write = Callable[[Dataverse, Sequence[int]], Awaitable[Sequence[Posting]]]
Opening = Callable[[DynamicsSimulator], AbstractAsyncContextManager[Target]]


async def _keys(simulator: DynamicsSimulator, entity_set: str, column: str) -> list[Hashable]:
    rows: list[dict[str, Any]] = []
    skip: int | None = 0
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        while skip is not None:
            query: dict[str, str | int] = {"product": "dataverse", "set": entity_set}
            query |= {"skip": skip, "top": _PAGE}
            page = (await http.get("/entities", params=query)).raise_for_status().json()
            rows += page["value"]
            skip = page["next"]
    return [row[column] for row in rows if row[column] is not None]


def _opening(entity_set: str, column: str, write: Write) -> Opening:
    @asynccontextmanager
    async def opened(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
        async with dataverse(settings_for(simulator)) as product:
            # Whom the notes are about; saved before anything breaks.
            if entity_set == "annotations":
                await product.customers.save([customer()])
            yield Target(
                lambda numbers: write(product, numbers),
                lambda: _keys(simulator, entity_set, column),
            )

    return opened


DRILLS = (
    Drill(
        "dataverse customers",
        _PATH,
        _opening(
            "contacts",
            "tillbus_number",
            lambda product, numbers: product.customers.save([customer(str(n)) for n in numbers]),
        ),
        batch=5,
    ),
    Drill(
        "dataverse points",
        _PATH,
        _opening(
            "tillbus_pointsentries",
            "tillbus_key",
            lambda product, numbers: product.loyalty.record([points(str(n)) for n in numbers]),
        ),
        batch=5,
    ),
    Drill(
        "dataverse gift cards",
        _PATH,
        _opening(
            "tillbus_giftcardentries",
            "tillbus_key",
            lambda product, numbers: product.gift_cards.record([gift(str(n)) for n in numbers]),
        ),
        batch=5,
    ),
    Drill(
        "dataverse notes",
        _PATH,
        _opening(
            "annotations",
            "subject",
            lambda product, numbers: product.notes.add(
                [note(str(n), subject=f"Note {n}") for n in numbers]
            ),
        ),
        batch=5,
    ),
)

"""What a thousand tickets cost Dynamics by ledger and grain: `python -m tests.bench.sales_calls`.

Books 1,000 cash-and-carry tickets of one store-day (nine sales to one return with receipt, one to
three lines) in batches of 64, closes the day, and prints the HTTP requests the simulator was sent
beside the documents they made. Tokens are left out; master data is looked up once and counted.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.dynamics import DynamicsSimulator
from services.sales import handlers, wiring
from services.sales.slips import Sale
from shared.bus import Done, Publisher
from shared.events import DocumentPosted, Event, Fact
from tests.contract.sales.conftest import environment
from tests.contract.sales.german import COFFEE, COMPANY, MUG, back, closed, line, returned, sale
from tests.unit.sales.fakes import delivery

TICKETS = 1_000
BATCH = 64
ITEMS = {MUG[0]: "20223", COFFEE[0]: "TSHIRT"}
"""Articles the simulated scale unit sells."""
CHANNEL = {
    "COMMERCE_COMPANY": "dert",
    "COMMERCE_OPERATING_UNIT": "103",
    "COMMERCE_CHANNEL_ID": "5637144594",
    "COMMERCE_STORE": "STORE103",
}
CUSTOM = {"BUSINESS_CENTRAL_CUSTOM_API": "tillbus/retail/v1.0"}


@dataclass(frozen=True)
class Case:
    name: str
    company: dict[str, Any]
    settings: dict[str, str]


def cases() -> Iterator[Case]:
    for grain in ("ticket", "aggregate"):
        company = COMPANY | {"ledger": "finance-operations", "grain": grain}
        yield Case(f"Finance & Operations, {grain}", company, {})
    for grain in ("ticket", "aggregate", "statement"):
        yield Case(f"Business Central, {grain}", COMPANY | {"grain": grain}, {})
    yield Case("Business Central with custom API, ticket", COMPANY, CUSTOM)
    commerce = COMPANY | {"ledger": "commerce", "walk_in_customer": "C-1002"}
    yield Case("Commerce Scale Unit, ticket", commerce, CHANNEL)


def tickets(items: Mapping[str, str]) -> Iterator[Fact]:
    """Yield the tickets with articles by these numbers where they are others."""
    for fact in _tickets():
        lines = (
            each.model_copy(update={"item": items.get(each.item, each.item)}) for each in fact.lines
        )
        yield fact.model_copy(update={"lines": tuple(lines)})


def _tickets() -> Iterator[Sale]:
    for number in range(1, TICKETS + 1):
        if number % 10 == 0:
            yield returned(number, [back(1, number - 5, of=1)], tender="cash")
        else:
            lines = [line(1, MUG), line(2, COFFEE, 2), line(3, MUG, 3)][: 1 + number % 3]
            yield sale(number, lines, tender=("cash", "card")[number % 2])


@asynccontextmanager
async def worker(simulator: DynamicsSimulator, store: Path, case: Case) -> AsyncIterator[Any]:
    os.environ |= environment(simulator, store, {"dert": case.company}) | case.settings
    wired = await wiring._build()
    try:
        yield wired
    finally:
        await wired.aclose()


async def run(case: Case) -> str:
    announced: list[DocumentPosted] = []

    async def publish(_: Publisher, events: Iterable[Event[Any]]) -> None:
        announced.extend(each.data for each in events)

    setattr(Publisher, "publish", publish)  # noqa: B010  no bus is listening
    with tempfile.TemporaryDirectory() as folder:
        async with DynamicsSimulator() as simulator:
            async with worker(simulator, Path(folder) / "s.db", case) as wired:
                began = time.perf_counter()
                facts = list(tickets(ITEMS if case.company["ledger"] == "commerce" else {}))
                for start in range(0, TICKETS, BATCH):
                    announced += await book(facts[start : start + BATCH], wired)
                await handlers.close_days([delivery(closed())], wired)
                seconds = time.perf_counter() - began
            counts = simulator.counts.listing()
    requests = sum(counts.get(name, 0) for name in ("batch", "single"))
    documents = len({each.document.key for each in announced})
    assert len({each.fact_id for each in announced}) == TICKETS, len(announced)
    return f"{case.name:42} {requests:8,} {documents:10,} {seconds:8.1f}"


async def book(facts: Sequence[Fact], wired: Any) -> list[DocumentPosted]:
    outcomes = await handlers.book([delivery(fact) for fact in facts], wired)
    wrong = [each for each in outcomes if not isinstance(each, Done)]
    assert not wrong, wrong[:3]
    return [each.document for each in outcomes if isinstance(each, Done) and each.document]


async def main() -> None:
    print(f"{f'per {TICKETS:,} tickets':42} {'requests':>8} {'documents':>10} {'seconds':>8}")
    for case in cases():
        print(await run(case), flush=True)


if __name__ == "__main__":
    os.environ["BUSINESS_CENTRAL_CUSTOM_API"] = ""
    asyncio.run(main())

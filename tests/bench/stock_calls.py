"""What facts about stock cost: requests to Dynamics, calls of the store, time.

    python -m tests.bench.stock_calls [facts]

Against the simulator over HTTP with the store in SQLite, in triggers' batches of 100. Requests are
what arrives at Dynamics, signing in not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from infra.local.dynamics import DynamicsSimulator
from services.inventory import handlers, wiring
from shared.bus import Done
from tests.contract.inventory.conftest import PRODUCTS, Product, worker
from tests.unit.inventory.facts import adjusted, counted, delivery, goods, sale

BATCH = 100
LINES = 10
_STORE_CALLS = ("read", "find", "write")


def histories(product: Product, facts: int) -> Iterator[tuple[str, list[Any]]]:
    where: Any = {"company": product.company, "store": product.stores[0]}
    item = product.items[0]
    lines = [goods(number, 1, item) for number in range(1, LINES + 1)]
    yield "sales of ten lines", [sale(n, *lines, at=n, **where) for n in range(1, facts + 1)]
    yield (
        "adjustments of one line",
        [adjusted(f"A{n}", 1, n, item=item, **where) for n in range(facts)],
    )
    yield "counts of one line", [counted(f"C{n}", n, n, item=item, **where) for n in range(facts)]


async def measure(wired: wiring.Wired, facts: Sequence[Any]) -> float:
    begun = time.perf_counter()
    for at in range(0, len(facts), BATCH):
        outcomes = await handlers.book([delivery(fact) for fact in facts[at : at + BATCH]], wired)
        assert all(isinstance(each, Done) for each in outcomes), outcomes
    return time.perf_counter() - begun


def counting(wired: wiring.Wired) -> Counter[str]:
    """Count the calls of the records from now on."""
    calls: Counter[str] = Counter()

    def watched(name: str) -> Any:
        call = getattr(wired.records, name)

        async def counted_call(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return await call(*args, **options)

        return counted_call

    for name in _STORE_CALLS:
        setattr(wired.records, name, watched(name))
    return calls


async def main(facts: int) -> None:
    for product in PRODUCTS:
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            async with (
                DynamicsSimulator() as simulator,
                worker(simulator, Path(folder) / "s.db", patch, product) as wired,
            ):
                calls = counting(wired)
                few = facts if product.system == "inventory-visibility" else facts // 10
                for name, history in histories(product, few):
                    calls.clear()
                    before = _requests(simulator.counts.listing())
                    seconds = await measure(wired, history)
                    sent = _requests(simulator.counts.listing()) - before
                    line = {
                        "book": product.system,
                        "facts": name,
                        "requests per 1,000": round(1000 * sent / few),
                        "store calls per 1,000": {
                            each: round(1000 * calls[each] / few) for each in _STORE_CALLS
                        },
                        "ms per fact": round(1000 * seconds / few, 2),
                    }
                    print(json.dumps(line))


def _requests(counts: dict[str, int]) -> int:
    return sum(counts.get(each, 0) for each in ("single", "batch", "custom-services"))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))

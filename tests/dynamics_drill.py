"""The ambiguous-timeout drill: many writes over connections that break, before or after commit.

Each product names its drills in `tests/contract/dynamics_<product>/drills.py` as `DRILLS`; its
`test_drill.py` runs them with WRITES, and `tests/bench/dynamics_drill.py` all of them with 10,000:

    @pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
    async def test_broken_connections_double_and_lose_nothing(drill: Drill) -> None:
        (await run(drill, WRITES)).check()
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Booked, Posting, TryLater

WRITES = int(os.environ.get("TILLBUS_DRILL_WRITES", "300"))
"""Of one drill in the suite."""

PERCENT = 5
"""Of the requests that write: dropped before commit, and as many after it."""

_DELIVERIES = 20
"""A queue delivers again what is to be tried later; so often at most here."""


@dataclass(frozen=True)
class Target:
    """An opened port. `write` books the documents of these numbers; the same number is the same
    document. `stored` returns the natural key of every document the simulator has of them, once
    per document: two of one key are a duplicate."""

    write: Callable[[Sequence[int]], Awaitable[Sequence[Posting]]]
    stored: Callable[[], Awaitable[Sequence[Hashable]]]


@dataclass(frozen=True)
class Drill:
    """`path`: regular expression of the requests that may be hit, of any method but GET; `batch`:
    documents in one call of the port; `workers`: calls at the same time."""

    name: str
    path: str
    open: Callable[[DynamicsSimulator], AbstractAsyncContextManager[Target]]
    batch: int = 1
    workers: int = 4


@dataclass(frozen=True)
class Outcome:
    """`failed`: writes that were still not booked after every delivery."""

    writes: int
    dropped_before: int
    dropped_after: int
    deliveries: int
    failed: int
    duplicates: int
    lost: int

    def check(self) -> None:
        """Raises AssertionError unless connections broke both ways and nobody noticed."""
        assert self.dropped_before, "a drill without drops proves nothing"
        assert self.dropped_after, "a drill without drops proves nothing"
        assert (self.failed, self.duplicates, self.lost) == (0, 0, 0), str(self)


async def run(drill: Drill, writes: int, seed: int = 4) -> Outcome:
    """Open a simulator and the port, write, and compare with what is stored."""
    async with (
        DynamicsSimulator() as simulator,
        httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator", timeout=60) as admin,
        drill.open(simulator) as target,
    ):
        kinds = ("drop-before-commit", "drop-after-commit")
        for number, kind in enumerate(kinds):
            fault = {"kind": kind, "percent": PERCENT, "seed": seed + number, "count": None}
            fault |= {"path": drill.path, "method": "POST|PATCH|PUT"}
            (await admin.post("/faults", json=fault)).raise_for_status()
        deliveries, failed = await _deliver(drill, target, list(range(writes)))
        hits = (await admin.get("/faults")).raise_for_status().json()["faults"]
        await admin.delete("/faults")
        stored = await target.stored()
    distinct = len(set(stored))
    return Outcome(
        writes=writes,
        dropped_before=hits[0]["taken"],
        dropped_after=hits[1]["taken"],
        deliveries=deliveries,
        failed=failed,
        duplicates=len(stored) - distinct,
        lost=writes - failed - distinct,
    )


async def _deliver(drill: Drill, target: Target, numbers: list[int]) -> tuple[int, int]:
    """Write until all are booked; return how often calls were made for how many left over."""
    places = asyncio.Semaphore(drill.workers)

    async def call(chunk: Sequence[int]) -> list[int]:
        async with places:
            postings = await target.write(chunk)
        assert len(postings) == len(chunk), "one posting per document"
        return [n for n, posting in zip(chunk, postings, strict=True) if not _is_booked(posting)]

    for delivery in range(1, _DELIVERIES + 1):
        chunks = [numbers[at : at + drill.batch] for at in range(0, len(numbers), drill.batch)]
        numbers = [n for left in await asyncio.gather(*map(call, chunks)) for n in left]
        if not numbers:
            return delivery, 0
    return _DELIVERIES, len(numbers)


def _is_booked(posting: Posting) -> bool:
    if isinstance(posting, Booked):
        return True
    assert isinstance(posting.error, TryLater), posting.error.describe()
    return False

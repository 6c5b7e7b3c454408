"""The rate governor as adapters meet it: turns, refusals, outages, a store that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from shared.clock import utc_now
from shared.dynamics import TryLater
from shared.dynamics.governor import Book, Governor, Lane, Pace
from shared.store import MemoryNotes, StoreUnavailable

T = TypeVar("T")


def governor(
    book: Book, *, rate: float = 1000.0, instance: str = "one", patience: float = 10.0
) -> Governor:
    return Governor(
        "https://contoso.operations.dynamics.com",
        {"app": Pace(rate)},
        book,
        clock=utc_now,
        instance=instance,
        patience=timedelta(seconds=patience),
    )


async def call(governor: Governor, status: int = 200, lane: Lane = Lane.SALE) -> str:
    async with governor.turn(lane) as turn:
        turn.answered(status, {})
        return turn.principal


async def test_every_instance_gets_its_turns_from_one_budget() -> None:
    book = MemoryNotes()
    both = [governor(book, instance=name) for name in ("one", "two")]
    principals = await asyncio.gather(*(call(each) for each in both for _ in range(50)))

    assert principals == ["app"] * 100


async def test_an_environment_that_does_not_answer_is_left_alone() -> None:
    book = MemoryNotes()
    first, second = governor(book), governor(book, instance="two")
    for _ in range(5):
        with pytest.raises(ConnectionError):
            async with first.turn(Lane.SALE):
                raise ConnectionError
    refusals = 0
    for _ in range(20):
        try:
            await call(second, 503)
        except TryLater:
            refusals += 1

    assert refusals >= 15, "the other instance knows as well"


async def test_a_request_waits_no_longer_than_its_patience() -> None:
    slow = governor(MemoryNotes(), rate=0.5, patience=0.2)

    with pytest.raises(TryLater, match=r"No turn within 0\.2 s"):
        await asyncio.gather(*(call(slow) for _ in range(3)))


async def test_a_store_that_is_away_is_what_the_caller_hears_of() -> None:
    class Away:
        async def change(self, name: str, change: Callable[[str | None], tuple[str, T]]) -> T:
            raise StoreUnavailable("the store is not available")

    with pytest.raises(StoreUnavailable):
        await call(governor(Away()))


async def test_a_caller_that_leaves_takes_its_request_along() -> None:
    slow = governor(MemoryNotes(), rate=0.5)
    waiting = [asyncio.create_task(call(slow)) for _ in range(3)]
    await asyncio.wait(waiting, timeout=0.05)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert slow.waiting == 0

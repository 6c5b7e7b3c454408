"""Gathering: nothing lost, and nobody waiting longer than the window and one send."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.gathering import Gatherer
from shared.dynamics import Booked, Failed, Posting, TryLater

WINDOW = 0.2


@dataclass
class VirtualTime:
    """Time that passes only while everybody sleeps."""

    now: float = 0.0
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), woken))
        await woken

    async def run(self) -> None:
        """Return when nobody sleeps any more."""
        await self._settle()
        while self._sleepers:
            self.now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await self._settle()

    async def _settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


class Dynamics:
    """Takes `seconds` for a bulk; refuses the entries it is told to."""

    def __init__(self, time: VirtualTime, seconds: float, refused: frozenset[str]) -> None:
        self.bulks: list[list[str]] = []
        self._time = time
        self._seconds = seconds
        self._refused = refused

    async def send(self, entries: Sequence[str]) -> Sequence[Posting]:
        self.bulks.append(list(entries))
        await self._time.sleep(self._seconds)
        return [posting_of(each, self._refused) for each in entries]


def posting_of(entry: str, refused: frozenset[str]) -> Posting:
    if entry in refused:
        return Failed(TryLater(entry))
    return Booked(entry, already_there=False)


def answered(posting: Posting) -> str:
    return posting.key if isinstance(posting, Booked) else posting.error.message


CALLS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12)), min_size=1, max_size=25)
"""When a caller comes, and with how many entries."""


@given(calls=CALLS, most=st.integers(1, 10), seconds=st.floats(0, 2), refused=st.integers(0, 3))
async def test_nothing_waits_longer_than_the_window_and_one_send_and_everybody_gets_their_own(
    calls: list[tuple[float, int]], most: int, seconds: float, refused: int
) -> None:
    time = VirtualTime()
    entries = [
        [f"{caller}/{number}" for number in range(size)] for caller, (_, size) in enumerate(calls)
    ]
    no = frozenset(each for some in entries for each in some[:refused])
    dynamics = Dynamics(time, seconds, no)
    gatherer = Gatherer(
        dynamics.send, window=timedelta(seconds=WINDOW), most=most, sleep=time.sleep
    )

    async def call(at: float, ours: list[str]) -> None:
        await time.sleep(at)
        postings = await gatherer.post(ours)
        assert [answered(each) for each in postings] == ours
        assert [isinstance(each, Failed) for each in postings] == [each in no for each in ours]
        assert time.now <= at + WINDOW + seconds + 1e-9

    running = [
        asyncio.create_task(call(at, ours)) for (at, _), ours in zip(calls, entries, strict=True)
    ]
    await time.run()
    await asyncio.gather(*running)
    sent = [each for bulk in dynamics.bulks for each in bulk]
    assert sorted(sent) == sorted(each for some in entries for each in some)
    assert all(len(bulk) <= most for bulk in dynamics.bulks)


async def test_many_callers_of_one_moment_make_one_bulk() -> None:
    time = VirtualTime()
    dynamics = Dynamics(time, 1, frozenset())
    gatherer = Gatherer(dynamics.send, window=timedelta(seconds=1), most=512, sleep=time.sleep)
    running = [asyncio.create_task(gatherer.post([str(caller)])) for caller in range(300)]
    await time.run()
    await asyncio.gather(*running)
    assert [len(bulk) for bulk in dynamics.bulks] == [300]


async def test_a_full_bulk_goes_at_once_and_what_is_left_has_a_window_of_its_own() -> None:
    time = VirtualTime()
    dynamics = Dynamics(time, 0, frozenset())
    gatherer = Gatherer(dynamics.send, window=timedelta(seconds=1), most=4, sleep=time.sleep)
    early = asyncio.create_task(gatherer.post(["a"]))

    async def later() -> None:
        await time.sleep(0.9)
        await gatherer.post(["b", "c", "d", "e"])

    late = asyncio.create_task(later())
    await time.run()
    await asyncio.gather(early, late)
    assert dynamics.bulks == [["a", "b", "c", "d"], ["e"]]
    assert time.now == pytest.approx(1.9)


async def test_a_bulk_that_raises_fails_its_own_callers_and_no_others() -> None:
    bulks: list[Sequence[str]] = []

    async def send(entries: Sequence[str]) -> Sequence[Posting]:
        bulks.append(entries)
        if len(bulks) == 1:
            raise ConnectionError("gone")
        return [Booked(each, already_there=False) for each in entries]

    gatherer = Gatherer(send, window=timedelta(0), most=2)
    first = await asyncio.gather(gatherer.post(["a"]), gatherer.post(["b"]), return_exceptions=True)
    second = await gatherer.post(["c"])
    assert [type(each) for each in first] == [ConnectionError] * 2
    assert [answered(each) for each in second] == ["c"]


async def test_a_caller_that_goes_away_takes_nothing_from_the_others() -> None:
    time = VirtualTime()
    dynamics = Dynamics(time, 1, frozenset())
    gatherer = Gatherer(dynamics.send, window=timedelta(seconds=1), most=9, sleep=time.sleep)
    gone, stays = (asyncio.create_task(gatherer.post([name])) for name in "ab")
    await asyncio.sleep(0)
    gone.cancel()
    await time.run()
    assert [answered(each) for each in await stays] == ["b"]
    assert dynamics.bulks == [["a", "b"]]


async def test_nothing_to_post_is_nothing_sent() -> None:
    dynamics = Dynamics(VirtualTime(), 0, frozenset())
    assert await Gatherer(dynamics.send, window=timedelta(0), most=1).post([]) == []
    assert dynamics.bulks == []

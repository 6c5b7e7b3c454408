"""The clock that stands still until it is told to advance."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from infra.local.dynamics.clock import Clock, ManualClock, within

_START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_time_passes_by_advancing_alone() -> None:
    clock = ManualClock(_START)

    clock.advance(timedelta(minutes=5))

    assert clock() == _START + timedelta(minutes=5)
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(timedelta(seconds=-1))


async def test_sleepers_wake_in_the_order_of_their_moments() -> None:
    clock, woken = ManualClock(_START), list[int]()

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    sleepers = [asyncio.create_task(sleep(seconds)) for seconds in (30, 10, 20)]
    await asyncio.sleep(0)
    clock.advance(timedelta(seconds=20))
    await asyncio.wait(sleepers, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)

    assert woken == [10, 20]
    assert clock.wakes_at == _START + timedelta(seconds=30)
    sleepers[0].cancel()


async def test_who_has_nothing_to_wait_for_does_not_wait() -> None:
    await ManualClock(_START).sleep(0)


@pytest.mark.parametrize(("passed", "in_time"), [(9, True), (10, False)])
async def test_a_wait_ends_with_its_time(passed: int, in_time: bool) -> None:
    clock = ManualClock(_START)
    awaited = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(within(clock, 10, awaited))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    clock.advance(timedelta(seconds=passed))
    if in_time:
        awaited.set_result(None)

    assert await waiting is in_time
    assert awaited.cancelled() is not in_time


async def test_the_machines_clock_is_not_manual() -> None:
    assert abs(Clock()() - datetime.now(timezone.utc)) < timedelta(seconds=5)
    assert not Clock().manual

"""Late work gives way to live work, on a clock the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared.bus.lanes import BATCH_SECONDS, PART, PATIENCE_SECONDS, QUIET_SECONDS, LiveFirst


class VirtualTime:
    """Time passes only in `sleep`; `during` is called with the new time after each."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lanes = LiveFirst(clock=lambda: self.now, sleep=self.sleep)
        self.during: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.during()
        await asyncio.sleep(0)


async def test_late_work_goes_on_at_once_while_nothing_live_happens() -> None:
    time = VirtualTime()

    parts = [list(part) async for part in time.lanes.parts(range(2 * PART + 1))]

    assert [len(part) for part in parts] == [PART, PART, 1]
    assert [each for part in parts for each in part] == list(range(2 * PART + 1))
    assert time.now == 1000.0


async def test_late_work_waits_for_live_work_in_progress_and_a_moment_more() -> None:
    time = VirtualTime()
    live = time.lanes.live()
    live.__enter__()

    def end_live_after_half_a_second() -> None:
        if time.now >= 1000.5 and time.lanes.in_progress:
            live.__exit__(None, None, None)

    time.during = end_live_after_half_a_second
    await time.lanes.turn()

    assert 1000.5 + QUIET_SECONDS <= time.now + 0.001 < 1000.6 + QUIET_SECONDS


async def test_live_work_that_never_pauses_slows_late_work_down_and_does_not_stop_it() -> None:
    time = VirtualTime()
    with time.lanes.live():
        await time.lanes.turn()

    assert PATIENCE_SECONDS <= time.now - 1000.0 + 0.001 < PATIENCE_SECONDS + 0.5


async def test_a_batch_is_through_long_before_its_locks_expire() -> None:
    time = VirtualTime()
    items = range(20 * PART)

    with time.lanes.live():
        parts = [list(part) async for part in time.lanes.parts(items)]

    assert [each for part in parts for each in part] == list(items)
    assert time.now - 1000.0 < BATCH_SECONDS + PATIENCE_SECONDS + 0.5


async def test_late_work_looks_for_live_work_again_before_each_part() -> None:
    time = VirtualTime()
    started = []

    async for part in time.lanes.parts(range(2 * PART)):
        started.append(time.now)
        if len(started) == 1:
            with time.lanes.live():
                pass
        assert len(part) == PART

    assert started[1] - started[0] + 0.001 >= QUIET_SECONDS


async def test_live_work_that_fails_is_over_too() -> None:
    time = VirtualTime()
    try:
        with time.lanes.live():
            raise LookupError("our bug")
    except LookupError:
        pass

    assert not time.lanes.in_progress

"""The demonstration waits for a slow machine, and not for one that stands still."""

from __future__ import annotations

import pytest

from infra.local.demo.settling import PATIENCE_SECONDS, Progress, settled

BALANCED = [{"verdict": "balanced"}]


class SlowPlatform:
    """Books one document at each interval (seconds) until it has `reaches` of `documents`."""

    def __init__(self, documents: int, interval: float, reaches: int) -> None:
        self.documents, self.interval, self.reaches = documents, interval, reaches
        self.now = 0.0
        self.told: list[str] = []

    async def _look(self) -> Progress:
        booked = min(int(self.now / self.interval), self.reaches)
        left = self.documents - booked
        return Progress(left, 0, () if left else BALANCED)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    async def day_ends(self) -> Progress:
        return await settled(
            self._look, 1, self.told.append, monotonic=lambda: self.now, sleep=self._sleep
        )


async def test_a_slow_day_is_waited_for_as_long_as_documents_come() -> None:
    platform = SlowPlatform(documents=20, interval=PATIENCE_SECONDS / 2, reaches=20)

    assert await platform.day_ends() == Progress(0, 0, BALANCED)
    assert platform.now >= 10 * PATIENCE_SECONDS
    assert platform.told == []


async def test_a_platform_that_stands_still_is_given_up_after_our_patience() -> None:
    platform = SlowPlatform(documents=20, interval=1, reaches=5)

    assert (await platform.day_ends()).unannounced == 15
    assert PATIENCE_SECONDS < platform.now < PATIENCE_SECONDS + 10
    assert f"{PATIENCE_SECONDS} s" in platform.told[0]


@pytest.mark.parametrize(
    "progress",
    [
        Progress(1, 0, BALANCED),
        Progress(0, 1, BALANCED),
        Progress(0, 0, [{"verdict": "open"}]),
        Progress(0, 0),
    ],
    ids=["a document is missing", "a fact is parked", "a store-day is open", "nobody has asked"],
)
def test_the_day_is_not_over_while(progress: Progress) -> None:
    assert not progress.is_over(days=1)

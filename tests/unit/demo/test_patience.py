"""The demonstration waits for a slow machine, and not for one that stands still."""

from __future__ import annotations

from infra.local.demo.story import PATIENCE_SECONDS, Certificates, last_certificates


class SlowPlatform:
    """Books one document at each interval (seconds) until it has `reaches` of `documents`."""

    def __init__(self, documents: int, interval: float, reaches: int) -> None:
        self.documents, self.interval, self.reaches = documents, interval, reaches
        self.now = 0.0
        self.told: list[str] = []

    async def _certificates(self) -> Certificates:
        booked = min(int(self.now / self.interval), self.reaches)
        verdict = "balanced" if booked == self.documents else "incomplete"
        return [{"verdict": verdict, "documents": booked}]

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    async def day_ends(self) -> Certificates:
        return await last_certificates(
            self._certificates,
            1,
            self.told.append,
            monotonic=lambda: self.now,
            sleep=self._sleep,
        )


async def test_a_slow_day_is_waited_for_as_long_as_documents_come() -> None:
    platform = SlowPlatform(documents=20, interval=PATIENCE_SECONDS / 2, reaches=20)

    assert await platform.day_ends() == [{"verdict": "balanced", "documents": 20}]
    assert platform.now >= 10 * PATIENCE_SECONDS
    assert platform.told == []


async def test_a_platform_that_stands_still_is_given_up_after_our_patience() -> None:
    platform = SlowPlatform(documents=20, interval=1, reaches=5)

    assert await platform.day_ends() == [{"verdict": "incomplete", "documents": 5}]
    assert PATIENCE_SECONDS < platform.now < PATIENCE_SECONDS + 10
    assert f"{PATIENCE_SECONDS} s" in platform.told[0]

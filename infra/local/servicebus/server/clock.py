"""Where the bus reads the time: the system's clock, or one that a test moves."""

from __future__ import annotations

import time
from collections.abc import Callable

ClockMs = Callable[[], int]
"""The time in int ms since the epoch, UTC."""


def system_clock() -> int:
    """Return the time in ms since the epoch, UTC."""
    return time.time_ns() // 1_000_000


class ManualClock:
    """Stands still until it is moved; after moving it, await `LocalServiceBus.advance()`.

    Starts at the system's time: SDKs compare the end of a lock with that, not with the bus."""

    def __init__(self, start: int | None = None) -> None:
        self.now = system_clock() if start is None else start

    def __call__(self) -> int:
        return self.now

    def forward(self, *, seconds: float) -> None:
        self.now += int(seconds * 1000)

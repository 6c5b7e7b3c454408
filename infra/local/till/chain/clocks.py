"""Clocks of tills: wrong by a little, and each a little faster or slower than time goes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

FASTEST_DRIFT = 100e-6
"""Of a cheap quartz, in seconds per second: nine seconds a day."""


@dataclass(frozen=True, slots=True)
class TillClock:
    """A clock that is off by `offset` at `set_at`, drifts from there, and is never off by more
    than `at_most`. It never goes backwards."""

    set_at: datetime
    offset: timedelta
    drift: float
    at_most: timedelta

    @classmethod
    def drawn(cls, set_at: datetime, at_most: timedelta, chance: random.Random) -> TillClock:
        """Return a clock by chance."""
        offset = at_most * chance.uniform(-1, 1)
        return cls(set_at, offset, chance.uniform(-FASTEST_DRIFT, FASTEST_DRIFT), at_most)

    def read(self, now: datetime) -> datetime:
        """Return what it shows at a moment."""
        error = self.offset + (now - self.set_at) * self.drift
        return now + min(max(error, -self.at_most), self.at_most)

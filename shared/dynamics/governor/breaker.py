"""Stop calling an environment that is down, and come back to it gently."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES = 5
"""Calls in a row, by anyone, that nobody answered: the environment is down."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
"""Seconds between probes; each that fails doubles the pause."""

PROBE_SECONDS = 120.0
"""A probe nobody reported about for so long died with its instance."""

FIRST_PART = 0.05
"""Of the rate before the outage: what is allowed when a probe has come back."""

RAMP = 1.35
"""Times more each second, until the rate before the outage is reached."""

RAMP_SECONDS = math.log(1 / FIRST_PART, RAMP)
"""When that is. Nothing is computed beyond it: an hour later no float holds the power any more."""


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True)
class Breaker:
    """Shared by all instances: one of them probes for all. Times are seconds since the epoch."""

    state: State = State.CLOSED
    failures: int = 0
    pause: float = FIRST_PAUSE
    until: float = 0.0
    recovered_at: float | None = None

    def after(self, answered: int, unanswered: int, now: float) -> Breaker:
        """Learn from a report: calls Dynamics answered (with whatever), and calls it did not."""
        if answered:
            if self.state is State.CLOSED:
                return replace(self, failures=0) if self.failures else self
            return Breaker(recovered_at=now)
        if not unanswered:
            return self
        failures = self.failures + unanswered
        if self.state is State.PROBING:
            pause = min(self.pause * 2, LONGEST_PAUSE)
            return Breaker(State.OPEN, failures, pause, now + pause)
        if self.state is State.CLOSED and failures >= FAILURES:
            return Breaker(State.OPEN, failures, FIRST_PAUSE, now + FIRST_PAUSE)
        return replace(self, failures=failures)

    def probe(self, now: float) -> Breaker | None:
        """Return the breaker with the probe given out, if it is time for one."""
        if self.state is State.CLOSED or now < self.until:
            return None
        return replace(self, state=State.PROBING, until=now + PROBE_SECONDS)

    def part(self, now: float) -> float:
        """Return which part of the usual rate is allowed: 0 during an outage, growing after it."""
        if self.state is not State.CLOSED:
            return 0.0
        if self.recovered_at is None:
            return 1.0
        elapsed = now - self.recovered_at
        return 1.0 if elapsed >= RAMP_SECONDS else float(FIRST_PART * RAMP**elapsed)

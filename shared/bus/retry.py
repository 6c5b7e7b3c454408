"""When to try again: addressed, delayed copies instead of immediate redelivery. Pure.

A message that must wait is copied onto its topic with `retry-for = <subscription>` and a scheduled
time; each subscription's rule lets through only its own copies. The attempt count, the first-seen
time and the history travel along as application properties (names in `shared.bus.message`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.bus.durations import duration

DEFAULT_DELAYS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
)

DEFAULT_PATIENCE = timedelta(days=1)
"""The longest outage of Dynamics that sends nothing to a dead-letter queue."""

MAX_CAUSE_CHARS = 300
MAX_HISTORY_CHARS = 3_500
"""Leaves the history room inside a dead-letter description (4,096 characters)."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long each failed attempt waits, and when the message is given up.

    `delays[n]` follows attempt n+1, the last one every further attempt. A message is given up when
    all delays are used and `patience` has passed since its first attempt: by number alone an outage
    would exhaust what had bad luck before it. Each delay is stretched by up to `jitter` (a
    fraction), so that messages that failed together do not return together. `chance` returns a
    number in [0, 1).
    """

    delays: tuple[timedelta, ...] = DEFAULT_DELAYS
    patience: timedelta = DEFAULT_PATIENCE
    jitter: float = 0.2
    chance: Callable[[], float] = field(default=random.random, compare=False)

    def next_attempt(
        self,
        attempt: int,
        first_seen: datetime,
        now: datetime,
        not_before: datetime | None = None,
    ) -> datetime | None:
        """Return when to try again after `attempt` (1 = first) failed; None when it was the last.

        A later `not_before` (what Retry-After said) wins and is never undercut; an earlier one
        does not shorten the delay, or a long throttling would use up every attempt in seconds.
        """
        if attempt > len(self.delays) and now - first_seen >= self.patience:
            return None
        delay = self.delays[min(attempt, len(self.delays)) - 1]
        earliest = max(now + delay, not_before) if not_before else now + delay
        return earliest + delay * self.jitter * self.chance()

    @classmethod
    def from_settings(cls, delays: str | None, patience: str | None = None) -> RetryPolicy:
        """Read `RETRY_DELAYS`, ISO 8601 durations, comma separated, and `RETRY_PATIENCE`, one such;
        empty means the defaults.

        Raises ValueError naming the part that is no positive duration.
        """
        given: dict[str, Any] = {}
        if delays and delays.strip():
            parts = delays.split(",")
            given["delays"] = tuple(duration("RETRY_DELAYS", part.strip()) for part in parts)
        if patience and patience.strip():
            given["patience"] = duration("RETRY_PATIENCE", patience.strip())
        return cls(**given)


def extended_history(history: str, attempt: int, now: datetime, cause: str) -> str:
    """Return `history` with one line for this attempt; the oldest lines go when it grows long."""
    line = f"{attempt}. {now:%Y-%m-%dT%H:%M:%SZ} {' '.join(cause.split())[:MAX_CAUSE_CHARS]}"
    lines = [*history.splitlines(), line]
    while len("\n".join(lines)) > MAX_HISTORY_CHARS and len(lines) > 1:
        del lines[0]
    return "\n".join(lines)

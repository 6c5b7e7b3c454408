"""Waits until the day's facts are all in the books, or until nothing moves any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 60
"""How long everything may stand still once the stores have closed. A busy machine takes longer than
that to book the rest of the day, and its books are none the worse for it."""

POLL_SECONDS = 0.25

Certificates = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Progress:
    """How far the day is."""

    unannounced: int
    """Documents that are still to be announced."""
    parked: int
    certificates: Certificates = ()
    """Asked for once nothing else is awaited: they cost the services more than the rest."""

    def is_over(self, days: int) -> bool:
        """Return whether so many store-days balance and nothing else is awaited."""
        balanced = sum(each["verdict"] == "balanced" for each in self.certificates)
        return self.unannounced <= 0 and self.parked == 0 and balanced == days


async def settled(
    look: Callable[[], Awaitable[Progress]],
    days: int,
    tell: Callable[[str], None],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Progress:
    """Return how far the day is once it is over, or once nothing has changed for too long."""
    latest: Progress | None = None
    changed_at = monotonic()
    while True:
        progress = await look()
        if progress.is_over(days):
            return progress
        if progress != latest:
            latest, changed_at = progress, monotonic()
        elif monotonic() - changed_at > PATIENCE_SECONDS:
            tell(f"nothing has changed for {PATIENCE_SECONDS} s")
            return progress
        await sleep(POLL_SECONDS)

"""The clock that time-dependent code takes as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current moment as an aware UTC datetime; tests pass one they can advance."""


def utc_now() -> datetime:
    """Return the wall clock's current moment as an aware UTC datetime."""
    return datetime.now(UTC)

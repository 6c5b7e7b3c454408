"""The made-up stores and their hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, time, timedelta

OPENS, OPEN_FOR = time(8, 0, tzinfo=UTC), timedelta(hours=12)
TICK = timedelta(milliseconds=1)
"""No two transactions of a store happen within one."""


@dataclass(frozen=True, slots=True)
class Store:
    """A store that trades; its company decides currency and taxes."""

    company: str
    number: str
    terminals: tuple[str, ...] = ("T1", "T2")


STORES: tuple[Store, ...] = (
    Store("gbrt", "LONDON", ("T1", "T2", "T3")),
    Store("gbrt", "LEEDS"),
    Store("dert", "BERLIN"),
    Store("usrt", "AUSTIN"),
    Store("aert", "DUBAI"),
    Store("kwrt", "KUWAIT-CITY"),
    Store("jprt", "OSAKA"),
)
"""The stores of the demonstration: every company the Dynamics simulator knows."""

"""The steps of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.events import Fact


class Doing(StrEnum):
    """What happens to a till."""

    PUT = "put"
    """It keeps facts."""
    CUT = "cut"
    """It loses its connection."""
    BACK = "back"
    """It has it again."""
    OFF = "off"
    """Its power goes, or it is taken away to be installed anew."""
    ON = "on"
    """It runs again: it puts what it is not sure to have put, and what became of its basket."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens to a till; `at` is the right time, whatever its clock shows."""

    at: datetime
    till: str
    """As `gbrt/LONDON/T1`."""
    doing: Doing
    facts: tuple[Fact, ...] = ()
    """What it puts, in order; facts it may have put before are the same ones again."""

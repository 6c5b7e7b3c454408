"""What a chain is like: how large, for how long, and how much goes wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

from infra.local.till.mix import Mix

MOST_CUSTOMERS = 1_000
"""Per till on an average day: what keeps a day's numbers within one block of the counter."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """How often something goes wrong: so many of a hundred tills, or stores, on each day."""

    tills_cut_off: int = 0
    """Tills without connection, for minutes, hours or days."""
    stores_cut_off: int = 0
    """Whole stores without connection."""
    power_cuts: int = 0
    """Tills whose power goes, mostly in the middle of a sale."""
    reinstalled: int = 0
    """Tills that are installed anew during the day, and whose counter begins again."""
    clocks_off_by: timedelta = timedelta(0)
    """How far a till's clock is from the right time at most."""


TROUBLES: Mapping[str, Troubles] = MappingProxyType(
    {
        "none": Troubles(),
        "some": Troubles(15, 10, 10, 5, timedelta(minutes=2)),
        "many": Troubles(50, 30, 60, 40, timedelta(minutes=10)),
    }
)


@dataclass(frozen=True, slots=True)
class Options:
    """Everything a plan follows from. Raises ValueError for a chain that cannot be."""

    stores: int = 6
    tills: int = 3
    """Of every store."""
    days: int = 1
    seed: int = 7
    first_day: date = date(2026, 3, 2)
    customers: int = 60
    """Per till on an average day."""
    mix: Mix = field(default_factory=Mix)
    troubles: Troubles = TROUBLES["some"]

    def __post_init__(self) -> None:
        if min(self.stores, self.tills, self.days) < 1:
            raise ValueError("a chain has at least one store, one till and one day")
        if not 0 <= self.customers <= MOST_CUSTOMERS:
            raise ValueError(f"a till serves 0 to {MOST_CUSTOMERS} customers a day")

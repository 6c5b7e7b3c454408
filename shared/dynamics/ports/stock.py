"""Stock: changes, counts, transfers, what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from shared.dynamics.ports.posting import Posting


class Movement(StrEnum):
    """Why stock changes; adapters map it to their measure or journal."""

    SOLD = "sold"
    RETURNED = "returned"
    RECEIVED = "received"
    DAMAGED = "damaged"
    SHRUNK = "shrunk"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class StockChange:
    """`event_id` names the change for ever; `quantity` is signed: what is added to stock."""

    event_id: str
    company: str
    item: str
    quantity: Decimal
    movement: Movement
    site: str
    location: str
    at: datetime
    variant: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StockCount:
    """What was counted at a place, as an absolute quantity."""

    event_id: str
    company: str
    item: str
    quantity: Decimal
    site: str
    location: str
    at: datetime
    variant: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StockTransfer:
    event_id: str
    company: str
    item: str
    quantity: Decimal
    from_site: str
    from_location: str
    to_site: str
    to_location: str
    at: datetime
    variant: str = ""


@dataclass(frozen=True, slots=True)
class OnHand:
    company: str
    item: str
    site: str
    location: str
    on_hand: Decimal
    available: Decimal
    variant: str = ""


class StockLevels(Protocol):
    async def on_hand(
        self,
        company: str,
        items: Sequence[str],
        locations: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> Sequence[OnHand]:
        """Everywhere where no location is named; `sites` of the locations, for products that ask
        for both. Raises DynamicsError."""
        ...


class Stock(StockLevels, Protocol):
    """Writes are answered one posting per entry, in the same order."""

    async def change(self, changes: Sequence[StockChange]) -> Sequence[Posting]: ...

    async def count(self, counts: Sequence[StockCount]) -> Sequence[Posting]: ...

    async def transfer(self, transfers: Sequence[StockTransfer]) -> Sequence[Posting]: ...


@dataclass(frozen=True, slots=True)
class Reservation:
    event_id: str
    company: str
    item: str
    quantity: Decimal
    site: str
    location: str
    variant: str = ""


class Reservations(Protocol):
    """`Booked.key` of reserve() is what release() takes."""

    async def reserve(self, reservations: Sequence[Reservation]) -> Sequence[Posting]: ...

    async def release(
        self, reservation: Reservation, key: str, quantity: Decimal, event_id: str = ""
    ) -> Posting:
        """`event_id` names this release for ever; '' where a reservation is released only once."""
        ...

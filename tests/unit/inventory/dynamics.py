"""Dynamics' stock as its ports promise it: an event id counts once, on hand is what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from shared.dynamics import Booked, DynamicsError, Failed, Posting
from shared.dynamics.ports.stock import OnHand, StockChange, StockCount, StockTransfer

Entry = StockChange | StockTransfer | StockCount
Position = tuple[str, str, str, str, str]
"""Company, site, location, item, variant."""


class MemoryStock:
    """Books at once and whole; an error of `errors` meets every entry of that item."""

    def __init__(self, on_hand: Mapping[Position, Decimal] | None = None) -> None:
        self.there: dict[Position, Decimal] = dict(on_hand or {})
        self.booked: dict[str, Entry] = {}
        self.errors: dict[str, DynamicsError] = {}
        self.calls: Counter[str] = Counter()
        self.unreadable: DynamicsError | None = None

    async def change(self, changes: Sequence[StockChange]) -> Sequence[Posting]:
        self.calls["change"] += 1
        return [self.book(each) for each in changes]

    async def transfer(self, transfers: Sequence[StockTransfer]) -> Sequence[Posting]:
        self.calls["transfer"] += 1
        return [self.book(each) for each in transfers]

    async def count(self, counts: Sequence[StockCount]) -> Sequence[Posting]:
        self.calls["count"] += 1
        return [self.book(each) for each in counts]

    async def on_hand(
        self,
        company: str,
        items: Sequence[str],
        locations: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> Sequence[OnHand]:
        self.calls["on_hand"] += 1
        if self.unreadable is not None:
            raise self.unreadable
        return [
            OnHand(company, item, site, location, quantity, quantity, variant)
            for (of, site, location, item, variant), quantity in self.there.items()
            if of == company and item in items and location in locations
        ]

    def book(self, entry: Entry) -> Posting:
        if (error := self.errors.get(entry.item)) is not None:
            return Failed(error)
        already = entry.event_id in self.booked
        if not already:
            self.booked[entry.event_id] = entry
            self._move(entry)
        return Booked(entry.event_id, already_there=already)

    def _move(self, entry: Entry) -> None:
        if isinstance(entry, StockTransfer):
            self._add(entry, entry.from_site, entry.from_location, -entry.quantity)
            self._add(entry, entry.to_site, entry.to_location, entry.quantity)
        elif isinstance(entry, StockCount):
            self.there[position(entry)] = entry.quantity
        else:
            self._add(entry, entry.site, entry.location, entry.quantity)

    def _add(self, entry: Entry, site: str, location: str, quantity: Decimal) -> None:
        at = (entry.company, site, location, entry.item, entry.variant)
        self.there[at] = self.there.get(at, Decimal(0)) + quantity


def position(entry: StockChange | StockCount) -> Position:
    return (entry.company, entry.site, entry.location, entry.item, entry.variant)

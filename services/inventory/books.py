"""The book of stock of one product: what is written to it, gathered, and what is read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.inventory.gathering import Gatherer
from shared.dynamics import Posting
from shared.dynamics.ports.stock import (
    Movement,
    Stock,
    StockChange,
    StockCount,
    StockLevels,
    StockTransfer,
)

TRANSFER, COUNT = "transfer", "count"

ENTITY_SETS: Mapping[str, Mapping[str, str]] = {
    "inventory-visibility": {"": "onhand"},
    "business-central": {"": "stockMovements"},
    "finance-operations": {
        "": "InventoryAdjustmentJournalHeaders",
        TRANSFER: "InventoryTransferJournalHeaders",
    },
}
"""Where a fact's document is found, by system and by what the fact is; '' is everything else."""

_MOVED = (Movement.SOLD, Movement.RETURNED, Movement.RECEIVED)


@dataclass(frozen=True, slots=True)
class StockBook:
    """One product in one lane.

    `transfers`: it has a document of its own for a transfer; elsewhere that is two changes.
    `composes`: what is written shows in what is read, so that a count can be booked as a
    difference; elsewhere it is written as an absolute count.
    """

    system: str
    levels: StockLevels
    changes: Gatherer[StockChange]
    transfers: Gatherer[StockTransfer] | None
    counts: Gatherer[StockCount]
    composes: bool
    entity_sets: Mapping[str, str]

    def entity_set(self, what: str) -> str:
        return self.entity_sets.get(what, self.entity_sets[""])

    async def post(
        self, changes: Sequence[StockChange], transfers: Sequence[StockTransfer] = ()
    ) -> tuple[list[Posting], list[Posting]]:
        """Return a posting per change, and per transfer."""
        booked = await self.changes.post(changes)
        if self.transfers is None or not transfers:
            return booked, []
        return booked, await self.transfers.post(transfers)


def stock_book(
    system: str,
    stock: Stock,
    *,
    window: timedelta,
    most: int,
    posts_journals: bool = True,
    offset_account: str = "",
) -> StockBook:
    """Return the book that a port of this system is.

    `posts_journals`, `offset_account`: what Finance & Operations is set up for.
    """
    entity_sets = dict(ENTITY_SETS[system])
    if offset_account:
        entity_sets |= dict.fromkeys(_MOVED, "InventoryMovementJournalHeaders")
    if not posts_journals:
        entity_sets[COUNT] = "InventoryCountingJournalHeaders"
    visible = system == "inventory-visibility"
    return StockBook(
        system=system,
        levels=stock,
        changes=Gatherer(stock.change, window=window, most=most),
        transfers=None if visible else Gatherer(stock.transfer, window=window, most=most),
        counts=Gatherer(stock.count, window=window, most=most),
        composes=posts_journals,
        entity_sets=entity_sets,
    )

"""Moments of a count that chance seldom meets, each brought about on purpose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from services.inventory.books import stock_book
from services.inventory.counts import StockCounts
from services.inventory.decisions import correction
from services.inventory.positions import (
    COUNT,
    Counted,
    CountRow,
    PositionRow,
    position_key,
    position_row,
)
from shared.dynamics import Booked
from shared.dynamics.ports.stock import StockCount
from shared.store.records import MemoryRecords, Record
from tests.unit.inventory.dynamics import MemoryStock, position
from tests.unit.inventory.facts import NOW, Collaborators, moment

NEWER = StockCount("newer", "usrt", "20223", Decimal(30), "S1", "W1", moment(20))
OLDER = replace(NEWER, event_id="older", quantity=Decimal(12), at=moment(10))


class Interrupted(MemoryRecords):
    """Lets something happen before the counts of a position are read for the n-th time."""

    def __init__(self, number: int, happens: Callable[[MemoryRecords], Awaitable[None]]) -> None:
        super().__init__()
        self._number = number
        self._happens = happens

    async def read(self, kind: str, keys: Iterable[str]) -> dict[str, Record]:
        if kind == COUNT:
            self._number -= 1
            if self._number == 0:
                await self._happens(self)
        return await super().read(kind, keys)


async def test_an_older_count_decided_a_moment_before_is_booked_first() -> None:
    stock = MemoryStock({position(NEWER): Decimal(20)})
    older = CountRow(
        OLDER.event_id, OLDER.at, OLDER.quantity, Counted.DECIDED, correction=Decimal(-8)
    )

    async def older_is_decided(records: MemoryRecords) -> None:
        key = position_key(NEWER)
        found = await MemoryRecords.read(records, COUNT, [key])
        await records.write([position_row(found[key]).with_count(older).record(NOW)])

    records = Interrupted(2, older_is_decided)
    book = Collaborators(stock).keepers
    counts = StockCounts(next(iter(book.values())).book, records, lambda: NOW)
    verdicts = await counts.book([NEWER])

    stock.book(correction(OLDER, older))  # its own worker's request arrives only now
    assert isinstance(verdicts["newer"], Booked)
    assert stock.there[position(NEWER)] == 30


async def test_a_count_is_the_same_whoever_decided_it() -> None:
    """Its own worker died after the decision; the next sends what was decided, not what it would
    decide itself."""
    stock = MemoryStock({position(NEWER): Decimal(20)})
    records = MemoryRecords()
    decided = CountRow(
        NEWER.event_id, NEWER.at, NEWER.quantity, Counted.DECIDED, correction=Decimal(10)
    )
    await records.write([PositionRow(position_key(NEWER)).with_count(decided).record(NOW)])
    stock.book(correction(NEWER, decided))
    counts = StockCounts(
        stock_book("inventory-visibility", stock, window=NOW - NOW, most=512),
        records,
        lambda: NOW,
    )
    await counts.book([NEWER])
    assert stock.there[position(NEWER)] == 30
    assert len(stock.booked) == 1

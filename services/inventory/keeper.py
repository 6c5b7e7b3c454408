"""Book facts as a whole: a fact is booked when all its lines are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from services.inventory.books import StockBook
from services.inventory.counts import StockCounts
from services.inventory.movements import Absorbed, Movements, Verdict
from services.inventory.positions import place_at, rows_of
from shared.clock import Clock
from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    Failed,
    MissingParent,
    Posting,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.ports.stock import StockChange, StockCount, StockTransfer
from shared.store.records import Records

_MOST_KEYS = 20
"""Documents named for a fact: F&O has one journal per line."""

_URGENCY: Mapping[type[DynamicsError], int] = {
    TryLater: 0,
    SetUpWrong: 0,
    MissingParent: 1,
    Refused: 2,
    Conflict: 2,
}
"""Of several failures of a fact the first decides what becomes of it: while one may pass, the fact
comes again anyway."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one fact changes."""

    lines: tuple[StockChange | StockTransfer, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What one fact counted, at one place and moment."""

    lines: tuple[StockCount, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StockKeeper:
    """Keeps one book of stock; its methods are ports for `shared.booking.Booker`."""

    book: StockBook
    records: Records
    clock: Clock

    async def change(self, documents: Sequence[Changes]) -> list[Posting]:
        """Return one posting per fact; all their changes are written down and sent together."""
        rows = [[rows_of(line) for line in document.lines] for document in documents]
        verdicts = await Movements(self.book, self.records, self.clock).book(
            row for lines in rows for halves in lines for row in halves
        )
        return [
            _posting([verdicts[row.key] for halves in lines for row in halves]) for lines in rows
        ]

    async def count(self, documents: Sequence[Counts]) -> list[Posting]:
        """Return one posting per fact. Those of a place go one after the other, the newest first:
        the older ones are part of it."""
        counts = StockCounts(self.book, self.records, self.clock)
        verdicts: dict[str, Verdict] = {}

        async def of_place(some: Sequence[Counts]) -> None:
            for document in sorted(some, key=lambda each: each.lines[0].at, reverse=True):
                verdicts.update(await counts.book(document.lines))

        ordered = sorted(documents, key=_place)
        await asyncio.gather(*(of_place(list(some)) for _, some in groupby(ordered, key=_place)))
        return [_posting([verdicts[line.event_id] for line in each.lines]) for each in documents]


def _place(document: Counts) -> str:
    return place_at(document.lines[0])


def _posting(verdicts: Sequence[Verdict]) -> Posting:
    """Return what has become of a fact from what has become of its lines."""
    failures: list[DynamicsError] = []
    keys: list[str] = []
    new = False
    for verdict in verdicts:
        match verdict:
            case Failed(error):
                failures.append(error)
            case Absorbed(count):
                keys.append(f"count {count}")
            case Booked(key, already_there):
                keys.append(key)
                new = new or not already_there
    if failures:
        return Failed(_told(min(failures, key=_urgency), len(failures), len(verdicts)))
    return Booked(_listed(keys), already_there=not new)


def _listed(keys: Sequence[str]) -> str:
    """Return the distinct keys, as many as have room; a count that found no difference has none."""
    distinct = [key for key in dict.fromkeys(keys) if key]
    more = len(distinct) - _MOST_KEYS
    named = ", ".join(distinct[:_MOST_KEYS]) or "no difference"
    return f"{named} and {more} more" if more > 0 else named


def _urgency(error: DynamicsError) -> int:
    return _URGENCY[type(error)]


def _told(error: DynamicsError, failed: int, of: int) -> DynamicsError:
    """Say of a refusal how much of the fact is booked: a person has to deal with the rest."""
    if _urgency(error) < _URGENCY[Refused] or failed == of:
        return error
    message = f"{of - failed} of {of} lines are booked, {failed} are not: {error.message}"
    return type(error)(replace(error.evidence, message=message))

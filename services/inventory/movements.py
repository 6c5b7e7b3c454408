"""Book changes of stock: each once, and none that a count has seen already.

    record   every change is written down before anything else is done
    look     for a decided count that was taken later: the change is part of it and absorbed
    fence    else the row says `sending` before anything is sent; where a count is being decided
             that the change may be part of, its row is touched in the same write, and whoever
             decides it has to look again
    send     under the change's own event id, so a repetition counts once
    mark     sent

A count writes itself down before it looks for movements, a movement before it looks for counts: one
of the two sees the other, whatever crashes or comes late. `counts.py` has the other half.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.inventory.books import StockBook
from services.inventory.positions import (
    COUNT,
    MOVEMENT,
    Moved,
    MovementRow,
    PositionRow,
    movement_row,
    position_row,
    transfer_of,
)
from shared.clock import Clock
from shared.dynamics import Booked, Conflict, DynamicsError, Failed, TryLater
from shared.dynamics.ports.stock import StockTransfer
from shared.store.records import Records

_log = logging.getLogger("tillbus.inventory")

ROUNDS = 12
"""How often a write is tried again that others were quicker with."""


@dataclass(frozen=True, slots=True)
class Absorbed:
    """It is part of a count, whose event id this is, and changes nothing more."""

    count: str


Verdict = Booked | Absorbed | Failed

Rows = dict[str, MovementRow]


class Movements:
    """Books changes in one book of stock."""

    def __init__(self, book: StockBook, records: Records, clock: Clock) -> None:
        self._book = book
        self._records = records
        self._clock = clock

    async def book(self, wanted: Iterable[MovementRow]) -> dict[str, Verdict]:
        """Return what has become of each, by key. Raises StoreUnavailable."""
        new = {row.key: row for row in wanted}
        found = await self._recorded(new)
        ours = {key: row for key, row in found.items() if row.change == new[key].change}
        before = {key for key, row in ours.items() if row.state is Moved.SENT}
        rows = await self._fenced(ours)
        sent, errors = await self.send([row for row in rows.values() if row.state is Moved.SENDING])
        rows |= sent
        for row in rows.values():
            if row.state is Moved.ABSORBED:
                _log.info("The change %s is part of the count %s", row.key, row.document)
        verdicts: dict[str, Verdict] = {
            key: _verdict(row, key in before, errors.get(key)) for key, row in rows.items()
        }
        for key in new.keys() - ours.keys():
            event = new[key].change.event_id
            verdicts[key] = Failed(Conflict(f"The change {event} is booked with other content."))
        return verdicts

    async def send(self, rows: Sequence[MovementRow]) -> tuple[Rows, dict[str, DynamicsError]]:
        """Send what is on its way and mark what is there. Return those that came somewhere, as they
        stand now, and what went wrong with the others, by key."""
        alone, transfers = await self._entries(rows)
        booked, moved = await self._book.post(
            [row.change for row in alone], [transfer for transfer, _ in transfers]
        )
        sent: Rows = {}
        errors: dict[str, DynamicsError] = {}
        together = [*([row] for row in alone), *(halves for _, halves in transfers)]
        for halves, posting in zip(together, [*booked, *moved], strict=True):
            for row in halves:
                if isinstance(posting, Failed):
                    errors[row.key] = posting.error
                elif row.state is Moved.SENDING:
                    sent[row.key] = row.next(Moved.SENT, document=posting.key)
        return await self._marked(sent), errors

    async def _recorded(self, new: Mapping[str, MovementRow]) -> Rows:
        """Write down those that are not; return all as they stand."""
        known: Rows = {}
        for _ in range(ROUNDS):
            missing = {
                key: row.next(Moved.RECORDED) for key, row in new.items() if key not in known
            }
            if not missing or await self._write(missing.values()):
                return known | missing
            known = await self._read(new)
        raise RuntimeError("movements appear and disappear")

    async def _fenced(self, rows: Rows) -> Rows:
        """Move what is only recorded on: it is absorbed, or on its way. What stays recorded has
        lost the race against others in every round."""
        for _ in range(ROUNDS):
            waiting = [row for row in rows.values() if row.state is Moved.RECORDED]
            if not waiting:
                break
            positions = await self._positions({row.position for row in waiting})
            decided = {row.key: self._decided(row, positions) for row in waiting}
            decided |= self._pairs(decided)
            touched = {
                row.position: positions[row.position].touched()
                for row in waiting
                if decided[row.key].state is Moved.SENDING
                if (found := positions.get(row.position)) and found.awaits(row.change.at)
            }
            if await self._write(decided.values(), touched.values()):
                return rows | decided
            rows = rows | await self._read(decided)
        return rows

    @staticmethod
    def _decided(row: MovementRow, positions: Mapping[str, PositionRow]) -> MovementRow:
        position = positions.get(row.position)
        count = position.absorbing(row.change.at) if position else None
        if count is not None:
            return row.next(Moved.ABSORBED, document=count.event_id)
        return row.next(Moved.SENDING)

    def _pairs(self, rows: Rows) -> Rows:
        """Return the halves that go as one transfer: both are to be sent, neither was before."""
        if self._book.transfers is None:
            return {}
        sending = {key: row for key, row in rows.items() if row.state is Moved.SENDING}
        return {
            key: MovementRow(row.change, row.state, row.version, row.twin, together=True)
            for key, row in sending.items()
            if row.twin in sending
        }

    async def _entries(
        self, rows: Sequence[MovementRow]
    ) -> tuple[list[MovementRow], list[tuple[StockTransfer, tuple[MovementRow, MovementRow]]]]:
        """Part what goes alone from what goes as a transfer, whose other half is read if it is not
        here."""
        known = {row.key: row for row in rows}
        known |= await self._read(row.twin for row in rows if row.together)
        alone: list[MovementRow] = []
        pairs: dict[str, tuple[StockTransfer, tuple[MovementRow, MovementRow]]] = {}
        for row in rows:
            if row.together and known[row.twin].state is not Moved.ABSORBED:
                twin = known[row.twin]
                transfer = transfer_of(row.change, twin.change)
                pairs[transfer.event_id] = (transfer, (row, twin))
            else:
                alone.append(row)
        return alone, list(pairs.values())

    async def _marked(self, sent: Rows) -> Rows:
        """Others may have marked some meanwhile, and absorbed what was refused to them."""
        marked: Rows = {}
        for _ in range(ROUNDS):
            waiting = {key: row for key, row in sent.items() if key not in marked}
            if not waiting or await self._write(waiting.values()):
                return sent | marked
            for key, row in (await self._read(waiting)).items():
                if row.state is Moved.SENDING:
                    sent[key] = row.next(Moved.SENT, document=sent[key].document)
                else:
                    marked[key] = row
        raise RuntimeError("movements that are sent cannot be marked")

    async def _write(
        self, rows: Iterable[MovementRow], positions: Iterable[PositionRow] = ()
    ) -> bool:
        """Write all, or nothing where others were quicker."""
        now = self._clock()
        records = [row.record(now) for row in rows] + [each.record(now) for each in positions]
        return not await self._records.write(records)

    async def _read(self, keys: Iterable[str]) -> Rows:
        wanted = [key for key in keys if key]
        found = await self._records.read(MOVEMENT, wanted) if wanted else {}
        return {key: movement_row(record) for key, record in found.items()}

    async def _positions(self, keys: Iterable[str]) -> dict[str, PositionRow]:
        found = await self._records.read(COUNT, keys)
        return {key: position_row(record) for key, record in found.items()}


def _verdict(row: MovementRow, before: bool, error: DynamicsError | None) -> Verdict:
    if row.state is Moved.SENT:
        return Booked(row.document, already_there=before)
    if row.state is Moved.ABSORBED:
        return Absorbed(row.document)
    return Failed(error or TryLater("The stock is being counted."))

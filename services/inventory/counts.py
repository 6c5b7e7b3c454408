"""Book what was counted: as the difference to what Dynamics then has, so that it composes with the
changes around it by time of observation, in whatever order they come.

    open     the count is written down before it looks for anything
    settle   what of its position is on its way is sent, so that nobody has to guess
    compare  movements, what Dynamics has on hand, movements again: unless they are the same, again
    decide   correction = counted - (on hand - movements sent that were observed later); movements
             observed before and never sent are absorbed in the same write, older open counts too
    send     the correction, under the count's own event id: a repetition sends the same
    mark     sent; older counts are forgotten

Every decision is written over the versions it was made from: one that was touched meanwhile, by a
late movement or another count, is made again. What Dynamics refused for certain leaves the count
open, to be decided anew when it is replayed.

The one thing this cannot see: a request of a dead worker, still on its way, that Dynamics refuses
to us and a moment later accepts from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.inventory.books import StockBook
from services.inventory.decisions import (
    correction,
    decided,
    for_certain,
    is_open,
    newer,
    on_its_way,
    settlement,
    stood_still,
    unsent_decision,
)
from services.inventory.movements import ROUNDS, Absorbed, Movements, Rows, Verdict
from services.inventory.positions import (
    COUNT,
    MOVEMENT,
    Counted,
    CountRow,
    Moved,
    MovementRow,
    PositionRow,
    movement_row,
    movements_after,
    place_at,
    position_key,
    position_row,
)
from services.inventory.pruning import forgotten
from shared.clock import Clock
from shared.dynamics import Booked, Conflict, DynamicsError, Failed, Posting, TryLater
from shared.dynamics.ports.stock import StockCount
from shared.store.records import Record, Records

_PAGE = 1000

Counts = dict[str, StockCount]
"""By position."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """Movements of the counted positions: those not settled, and those observed after the count."""

    rows: Rows

    def of(self, position: str) -> list[MovementRow]:
        return [row for row in self.rows.values() if row.position == position]


class StockCounts:
    """Books counts in one book of stock."""

    def __init__(self, book: StockBook, records: Records, clock: Clock) -> None:
        self._book = book
        self._records = records
        self._clock = clock
        self._movements = Movements(book, records, clock)

    async def book(self, counts: Sequence[StockCount]) -> dict[str, Verdict]:
        """Return what has become of each, by event id; all are of one place and moment. Raises
        StoreUnavailable."""
        if not self._book.composes:
            postings = await self._book.counts.post(counts)
            return {each.event_id: got for each, got in zip(counts, postings, strict=True)}
        by_position = {position_key(each): each for each in counts}
        verdicts: dict[str, Verdict] = {}
        waiting = dict(by_position)
        for _ in range(ROUNDS):
            if not waiting:
                break
            positions = await self._opened(waiting)
            verdicts |= await self._ended(waiting, positions)
            waiting = {key: each for key, each in waiting.items() if each.event_id not in verdicts}
            try:
                await self._decide(
                    {key: each for key, each in waiting.items() if is_open(positions[key], each)}
                )
            except DynamicsError as error:
                verdicts |= {each.event_id: Failed(error) for each in waiting.values()}
                break
        for each in waiting.values():
            verdicts.setdefault(each.event_id, Failed(TryLater("The stock does not stand still.")))
        return verdicts

    async def _opened(self, counts: Mapping[str, StockCount]) -> dict[str, PositionRow]:
        """Write the counts down that are new; return their positions as they stand."""
        while True:
            found = await self._positions(counts)
            positions = {key: found.get(key, PositionRow(key)) for key in counts}
            new = {
                key: positions[key].with_count(CountRow(each.event_id, each.at, each.quantity))
                for key, each in counts.items()
                if positions[key].count(each.event_id) is None
                if newer(positions[key], each) is None
            }
            if not new or await self._write(new.values()):
                return positions | new

    async def _ended(
        self, counts: Mapping[str, StockCount], positions: Mapping[str, PositionRow]
    ) -> dict[str, Verdict]:
        """Send what is decided, of these counts and of others in their way; return which of these
        have come to an end."""
        verdicts: dict[str, Verdict] = {}
        unsent: dict[str, CountRow] = {}
        for key, each in counts.items():
            ours, later, last = (
                positions[key].count(each.event_id),
                newer(positions[key], each),
                positions[key].decided,
            )
            if ours is not None and (ours.quantity, ours.at) != (each.quantity, each.at):
                taken = Conflict(f"The count {each.event_id} is booked with other content.")
                verdicts[each.event_id] = Failed(taken)
            elif later is not None:
                verdicts[each.event_id] = Absorbed(later.event_id)
            elif ours is not None and ours.state is Counted.SENT:
                verdicts[each.event_id] = Booked(ours.document, already_there=False)
            elif last is not None and last.state is Counted.DECIDED:
                unsent[key] = last
        changes = [correction(counts[key], row) for key, row in unsent.items()]
        postings, _ = await self._book.post(changes)
        answered = dict(zip(unsent, postings, strict=True))
        await self._settled(unsent, answered)
        for key, posting in answered.items():
            mine = unsent[key].event_id == counts[key].event_id
            if isinstance(posting, Failed) and (mine or not for_certain(posting.error)):
                verdicts[counts[key].event_id] = posting
        return verdicts

    async def _settled(
        self, decided: Mapping[str, CountRow], postings: Mapping[str, Posting]
    ) -> None:
        """Mark corrections as there, and open the counts again of those that certainly are not."""
        settled = {
            key: changed
            for key, row in decided.items()
            if (changed := settlement(row, postings[key])) != row
        }
        while settled:
            positions = await self._positions(settled)
            waiting = [
                positions[key].with_count(row)
                for key, row in settled.items()
                if positions[key].count(row.event_id) == decided[key]
            ]
            if not waiting or await self._write(waiting):
                return

    async def _decide(self, counts: Counts) -> None:
        """Decide those whose positions stand still; the others have another round."""
        if not counts:
            return
        positions = await self._positions(counts)
        before, refused = await self._settle(counts)
        on_hand = await self._on_hand(list(counts.values()))
        after = await self._survey(counts)
        await self._check_memory(next(iter(counts.values())))
        decisions: dict[str, tuple[PositionRow, list[MovementRow]]] = {}
        for key, count in counts.items():
            position, rows = positions[key], after.of(key)
            if not is_open(position, count) or unsent_decision(position):
                continue
            if not stood_still(before.of(key), rows, count.at) or any(
                on_its_way(row, refused) for row in rows
            ):
                continue
            ours = decided(count, rows, on_hand.get(key, Decimal(0)))
            absorbed = [
                row.next(Moved.ABSORBED, document=count.event_id)
                for row in rows
                if row.change.at <= count.at and row.state in (Moved.RECORDED, Moved.SENDING)
            ]
            decisions[key] = (position.with_count(ours), absorbed)
        await self._write_decisions(decisions)

    async def _check_memory(self, first: StockCount) -> None:
        """Raise TryLater where movements observed after the count were forgotten just now; when it
        comes again it is seen to be too old."""
        place = place_at(first)
        moment = (await forgotten(self._records, [place])).get(place)
        if moment is not None and moment > first.at:
            raise TryLater("Movements observed after the count are no longer remembered.")

    async def _write_decisions(
        self, decisions: Mapping[str, tuple[PositionRow, list[MovementRow]]]
    ) -> None:
        """All at once, or each alone where others were quicker with some."""
        together = [*decisions.values()]
        if together and not await self._write(
            (position for position, _ in together), (row for _, rows in together for row in rows)
        ):
            for position, rows in together if len(together) > 1 else ():
                await self._write([position], rows)

    async def _settle(self, counts: Counts) -> tuple[_Survey, Mapping[str, int]]:
        """Send what is on its way in these positions; return the movements then, and the versions
        of those that were refused for certain."""
        survey = await self._survey(counts)
        moving = [row for row in survey.rows.values() if row.state is Moved.SENDING]
        if not moving:
            return survey, {}
        _, errors = await self._movements.send(moving)
        refused = {}
        for row in moving:
            error = errors.get(row.key)
            if error is not None and not for_certain(error):
                raise error
            if error is not None:
                refused[row.key] = row.version
        return await self._survey(counts), refused

    async def _survey(self, counts: Counts) -> _Survey:
        """Read in the order in which rows move on, so that one that does is seen at least once."""
        first = next(iter(counts.values()))
        place = place_at(first)
        rows: Rows = {}
        for state in (Moved.RECORDED, Moved.SENDING):
            rows |= await self._found(place, state=state)
        rows |= await self._found(place, after=movements_after(place, first.at))
        return _Survey({key: row for key, row in rows.items() if row.position in counts})

    async def _found(self, place: str, *, state: str | None = None, after: str = "") -> Rows:
        found: list[Record] = []
        while True:
            page = await self._records.find(
                MOVEMENT, prefix=place, state=state, after=after, limit=_PAGE
            )
            found += page
            if len(page) < _PAGE:
                return {record.key: movement_row(record) for record in found}
            after = page[-1].key

    async def _on_hand(self, counts: Sequence[StockCount]) -> dict[str, Decimal]:
        """Return what Dynamics has, by position; none where it has no row. Raises DynamicsError."""
        first = counts[0]
        found = await self._book.levels.on_hand(
            first.company,
            list(dict.fromkeys(each.item for each in counts)),
            [first.location],
            [first.site] if first.site else (),
        )
        # Business Central answers with codes in upper case.
        sums: dict[tuple[str, str], Decimal] = {}
        for each in found:
            if each.location.casefold() == first.location.casefold():
                what = each.item.casefold(), each.variant.casefold()
                sums[what] = sums.get(what, Decimal(0)) + each.on_hand
        return {
            position_key(each): sums.get(
                (each.item.casefold(), each.variant.casefold()), Decimal(0)
            )
            for each in counts
        }

    async def _positions(self, keys: Iterable[str]) -> dict[str, PositionRow]:
        found = await self._records.read(COUNT, keys)
        return {key: position_row(record) for key, record in found.items()}

    async def _write(
        self, positions: Iterable[PositionRow], rows: Iterable[MovementRow] = ()
    ) -> bool:
        """Write all, or nothing where others were quicker."""
        now = self._clock()
        records = [each.record(now) for each in positions] + [row.record(now) for row in rows]
        return not await self._records.write(records)

"""What a count decides, from what is known of its position. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from services.inventory.positions import Counted, CountRow, Moved, MovementRow, PositionRow
from shared.dynamics import Booked, Conflict, DynamicsError, MissingParent, Posting, Refused
from shared.dynamics.ports.stock import Movement, StockChange, StockCount

_REFUSALS = (Refused, MissingParent, Conflict)


def newer(position: PositionRow, count: StockCount) -> CountRow | None:
    last = position.decided
    return last if last is not None and last.age > (count.at, count.event_id) else None


def is_open(position: PositionRow, count: StockCount) -> bool:
    ours = position.count(count.event_id)
    return ours is not None and ours.state is Counted.OPEN and newer(position, count) is None


def unsent_decision(position: PositionRow) -> bool:
    return any(each.state is Counted.DECIDED for each in position.counts)


def decided(count: StockCount, rows: Iterable[MovementRow], on_hand: Decimal) -> CountRow:
    later = (
        row.change.quantity for row in rows if row.state is Moved.SENT and row.change.at > count.at
    )
    correction = count.quantity - on_hand + sum(later, Decimal(0))
    state = Counted.DECIDED if correction else Counted.SENT
    return CountRow(count.event_id, count.at, count.quantity, state, correction)


def stood_still(
    before: Sequence[MovementRow], after: Sequence[MovementRow], counted_at: datetime
) -> bool:
    """Whether Dynamics' on-hand, read in between, holds just what was sent both times.

    Earlier movements that are sent are no longer looked at: one that is gone was sent meanwhile.
    """
    there = {row.key for row in after}
    gone = any(row.key not in there for row in before if row.change.at <= counted_at)
    return not gone and _in_dynamics(before) == _in_dynamics(after)


def _in_dynamics(rows: Iterable[MovementRow]) -> set[tuple[str, int]]:
    return {(row.key, row.version) for row in rows if row.state in (Moved.SENT, Moved.SENDING)}


def on_its_way(row: MovementRow, refused: Mapping[str, int]) -> bool:
    return row.state is Moved.SENDING and refused.get(row.key) != row.version


def for_certain(error: DynamicsError) -> bool:
    return isinstance(error, _REFUSALS)


def settlement(row: CountRow, posting: Posting) -> CountRow:
    """Return what becomes of a decided count once its correction is answered."""
    if isinstance(posting, Booked):
        return replace(row, state=Counted.SENT, document=posting.key)
    if for_certain(posting.error):
        return replace(row, state=Counted.OPEN, correction=Decimal(0))
    return row


def correction(at: StockCount, row: CountRow) -> StockChange:
    return StockChange(
        event_id=row.event_id,
        company=at.company,
        item=at.item,
        quantity=row.correction,
        movement=Movement.ADJUSTED,
        site=at.site,
        location=at.location,
        at=row.at,
        variant=at.variant,
        dimensions=at.dimensions,
    )

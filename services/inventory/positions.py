"""What is remembered of every position of stock: its movements, and its counts. Pure.

A position is a company, site, location, item and variant as Dynamics names them.

Records of kind `movement`, one per change, key `<company>/<site>/<location>/<observed at>/<event>`,
so that what a store moved after a moment is one range:

    recorded --> sending --> sent        on its way to Dynamics, and certainly there
        +------> absorbed                part of a count, never to be sent

Records of kind `count`, one per position that was ever counted: the counts not decided yet, and the
newest that is.

    open --> decided --> sent            its correction is known, and certainly there
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared.dynamics.ports.stock import Movement, StockChange, StockCount, StockTransfer
from shared.store.records import Record

MOVEMENT, COUNT = "movement", "count"

_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Moved(StrEnum):
    """How far a movement has come."""

    RECORDED = "recorded"
    SENDING = "sending"
    SENT = "sent"
    ABSORBED = "absorbed"


class Counted(StrEnum):
    """How far a count has come."""

    OPEN = "open"
    DECIDED = "decided"
    SENT = "sent"


def place_key(company: str, site: str, location: str) -> str:
    """Return the beginning that the movements of a place have in common."""
    return "".join(f"{_part(each)}/" for each in (company, site, location))


def place_at(at: StockChange | StockCount) -> str:
    return place_key(at.company, at.site, at.location)


def position_key(at: StockChange | StockCount) -> str:
    return f"{place_at(at)}{_part(at.item)}/{_part(at.variant)}"


def movements_after(place: str, moment: datetime) -> str:
    """Return the key after which a place's movements were observed later than `moment`."""
    return f"{place}{_moment(moment)}0"  # the next sign after "/"


def place_of(movement: str) -> str:
    """Return the place of the movement with this key."""
    return movement.rsplit("/", 2)[0] + "/"


def observed_at(movement: str) -> datetime:
    """Return when the movement with this key was observed."""
    return datetime.strptime(movement.rsplit("/", 2)[1], _MOMENT).replace(tzinfo=UTC)


def _part(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F")


def _moment(moment: datetime) -> str:
    # As `_MOMENT` says, at a third of what strftime costs: every change has several keys.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One change of one position. A transfer is two, each the other's `twin`; where they go as one
    transfer to Dynamics they are `together`. `document` is Dynamics' key of a sent one; of an
    absorbed one the count it is part of."""

    change: StockChange
    state: Moved = Moved.RECORDED
    version: int = 0
    twin: str = ""
    together: bool = False
    document: str = ""

    @property
    def key(self) -> str:
        return f"{place_at(self.change)}{_moment(self.change.at)}/{_part(self.change.event_id)}"

    @property
    def position(self) -> str:
        return position_key(self.change)

    def next(self, state: Moved, **changes: Any) -> MovementRow:
        return replace(self, state=state, version=self.version + 1, **changes)

    def record(self, now: datetime) -> Record:
        content = {
            "change": {name: getattr(self.change, name) for name in _OF_A_CHANGE},
            "twin": self.twin,
            "together": self.together,
            "document": self.document,
        }
        text = json.dumps(content, default=_text)
        return Record(MOVEMENT, self.key, self.version, self.state, text, now)


def movement_row(record: Record) -> MovementRow:
    content = json.loads(record.text)
    change = content.pop("change")
    return MovementRow(
        change=StockChange(
            **change
            | {
                "quantity": Decimal(change["quantity"]),
                "movement": Movement(change["movement"]),
                "at": datetime.fromisoformat(change["at"]),
                "dimensions": tuple((name, value) for name, value in change["dimensions"]),
            }
        ),
        state=Moved(record.state),
        version=record.version,
        **content,
    )


def rows_of(change: StockChange | StockTransfer) -> tuple[MovementRow, ...]:
    """Return the movements of a change: one, or what goes and what comes of a transfer."""
    if isinstance(change, StockChange):
        return (MovementRow(change),)
    out = MovementRow(
        StockChange(
            event_id=f"{change.event_id}/out",
            company=change.company,
            item=change.item,
            quantity=-change.quantity,
            movement=Movement.ADJUSTED,
            site=change.from_site,
            location=change.from_location,
            at=change.at,
            variant=change.variant,
        )
    )
    into = MovementRow(
        replace(
            out.change,
            event_id=f"{change.event_id}/in",
            quantity=change.quantity,
            site=change.to_site,
            location=change.to_location,
        )
    )
    return replace(out, twin=into.key), replace(into, twin=out.key)


def transfer_of(one: StockChange, other: StockChange) -> StockTransfer:
    """Return the transfer whose halves these are, in any order."""
    out, into = sorted((one, other), key=lambda half: half.event_id, reverse=True)
    return StockTransfer(
        event_id=out.event_id.removesuffix("/out"),
        company=out.company,
        item=out.item,
        quantity=into.quantity,
        from_site=out.site,
        from_location=out.location,
        to_site=into.site,
        to_location=into.location,
        at=out.at,
        variant=out.variant,
    )


@dataclass(frozen=True, slots=True)
class CountRow:
    """One count of one position; `correction` is what is added to the stock because of it."""

    event_id: str
    at: datetime
    quantity: Decimal
    state: Counted = Counted.OPEN
    correction: Decimal = Decimal(0)
    document: str = ""

    @property
    def age(self) -> tuple[datetime, str]:
        """Greater for a newer one; no two are the same."""
        return self.at, self.event_id


@dataclass(frozen=True, slots=True)
class PositionRow:
    """What is known of a position's counts, oldest first: the open ones, the newest that is
    decided, and until that is sent the one before it."""

    key: str
    counts: tuple[CountRow, ...] = ()
    version: int = 0

    @property
    def decided(self) -> CountRow | None:
        """The newest that is."""
        return next((each for each in self.counts[::-1] if each.state is not Counted.OPEN), None)

    def count(self, event_id: str) -> CountRow | None:
        return next((each for each in self.counts if each.event_id == event_id), None)

    def absorbing(self, observed: datetime) -> CountRow | None:
        """Return the decided count that what was observed at this moment is part of."""
        found = self.decided
        return found if found is not None and observed <= found.at else None

    def awaits(self, observed: datetime) -> bool:
        """Return whether a count is being decided that this moment may be part of."""
        return any(each.state is Counted.OPEN and observed <= each.at for each in self.counts)

    def touched(self) -> PositionRow:
        """Return it with another version: whoever is deciding a count must look again."""
        return replace(self, version=self.version + 1)

    def with_count(self, count: CountRow) -> PositionRow:
        """Return it with this count, new or changed. Older ones are part of a decided one; only the
        last that was sent is kept until this one is, for it may yet be refused."""
        dropped = {
            Counted.OPEN: (),
            Counted.DECIDED: (Counted.OPEN,),
            Counted.SENT: tuple(Counted),
        }[count.state]
        counts = {each.event_id: each for each in self.counts} | {count.event_id: count}
        kept = [
            each
            for each in sorted(counts.values(), key=lambda each: each.age)
            if each.age >= count.age or each.state not in dropped
        ]
        return PositionRow(self.key, tuple(kept), self.version + 1)

    def record(self, now: datetime) -> Record:
        content = [{name: getattr(count, name) for name in _OF_A_COUNT} for count in self.counts]
        is_open = any(each.state is Counted.OPEN for each in self.counts)
        state = Counted.OPEN if is_open else Counted.SENT
        return Record(COUNT, self.key, self.version, state, json.dumps(content, default=_text), now)


def position_row(record: Record) -> PositionRow:
    counts = tuple(
        CountRow(
            event_id=each["event_id"],
            at=datetime.fromisoformat(each["at"]),
            quantity=Decimal(each["quantity"]),
            state=Counted(each["state"]),
            correction=Decimal(each["correction"]),
            document=each["document"],
        )
        for each in json.loads(record.text)
    )
    return PositionRow(record.key, counts, record.version)


_OF_A_CHANGE = tuple(each.name for each in fields(StockChange))
_OF_A_COUNT = tuple(each.name for each in fields(CountRow))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

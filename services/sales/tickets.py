"""Tickets that wait for their aggregate or statement.

    ticket     open ── its day closes ──> assigned ──> booked
               late (the day is closed already) ──┘
    store-day  open ── store-day-closed, or a day and a half ──> closing ──> closed

A ticket is one record under its transaction's key, so a second fact of that transaction is noticed.
It is written first and the day looked at afterwards; whoever closes a day writes that first and
looks for tickets afterwards. So a ticket that comes while its day is being closed is seen by one of
the two, and by both it is moved once, for a record has one next version. It stays after it is
booked: a repetition that was on its way meanwhile must not begin a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.sales.slips import SALES, Sale
from shared.booking import content_digest
from shared.bus import Done, Outcome, Rejected
from shared.clock import Clock
from shared.events import Event, Reason, TransactionKey, without_personal_fields
from shared.store.errors import StoreUnavailable
from shared.store.records import Record, Records

TICKET = "ticket"
STORE_DAY = "store-day"

OPEN = "open"
LATE = "late"
ASSIGNED = "assigned"
BOOKED = "booked"
CLOSING = "closing"
CLOSED = "closed"

ATTEMPTS = 10
"""How often a write is tried that other writers were faster with."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A sale or return as it waits, without what says something about a person."""

    fact_id: UUID
    fact_type: str
    digest: str
    """Of the fact as it came."""
    sale: Sale
    traceparent: str | None


def store_day(key: TransactionKey) -> str:
    return f"{key.company}/{key.store}/{key.business_day}"


def encoded(event: Event[Sale]) -> str:
    """Return the ticket of a fact, as JSON."""
    sale = without_personal_fields(event.data)
    return json.dumps(
        {
            "id": str(event.id),
            "type": event.type,
            "digest": content_digest(event.data),
            "trace": event.traceparent,
            "sale": sale.model_dump(mode="json", exclude_defaults=True),
        }
    )


def decoded(record: Record) -> Ticket:
    """Return the ticket of a record that is not booked yet."""
    body = json.loads(record.text)
    sale = SALES[body["type"]].model_validate_json(json.dumps(body["sale"]))
    return Ticket(UUID(body["id"]), body["type"], body["digest"], sale, body["trace"])


def booked(record: Record, now: datetime) -> Record:
    """Return what stays of a ticket that is booked: who it was."""
    body = json.loads(record.text)
    text = json.dumps({"id": body["id"], "digest": body["digest"]})
    return replace(record, version=record.version + 1, state=BOOKED, text=text, at=now)


async def keep(
    events: Sequence[Event[Sale]], records: Records, clock: Clock
) -> dict[UUID, Outcome]:
    """Keep the tickets and return the outcomes; what is kept already stays as it is."""
    if not events:
        return {}
    kept = await _written(events, records, clock)
    closed = await _closed_days({store_day(event.data.key) for event in events}, records, clock)
    now = clock()
    for record in kept.values():
        if record.state == OPEN and record.key.rsplit("/", 2)[0] in closed:
            late = replace(record, version=record.version + 1, state=LATE, at=now)
            await records.write([late])  # in its way is only who has assigned it meanwhile
    return {event.id: _outcome(event, kept[str(event.data.key)]) for event in events}


async def _written(
    events: Iterable[Event[Sale]], records: Records, clock: Clock
) -> dict[str, Record]:
    by_key: dict[str, Event[Sale]] = {}
    for event in events:
        by_key.setdefault(str(event.data.key), event)
    for _ in range(ATTEMPTS):
        stored = await records.read(TICKET, by_key)
        now = clock()
        new = [
            Record(TICKET, key, 1, OPEN, encoded(event), now)
            for key, event in by_key.items()
            if key not in stored
        ]
        if not new or not await records.write(new):
            return stored | {record.key: record for record in new}
    raise StoreUnavailable("tickets are being written by others all the time")


async def _closed_days(days: set[str], records: Records, clock: Clock) -> set[str]:
    """Return those that are closed or about to be; make sure that the others are known."""
    for _ in range(ATTEMPTS):
        stored = await records.read(STORE_DAY, days)
        now = clock()
        new = [Record(STORE_DAY, day, 1, OPEN, "", now) for day in sorted(days - stored.keys())]
        if not new or not await records.write(new):
            return {day for day, record in stored.items() if record.state != OPEN}
    raise StoreUnavailable("store-days are being written by others all the time")


def _outcome(event: Event[Sale], record: Record) -> Outcome:
    body = json.loads(record.text)
    if (body["id"], body["digest"]) == (str(event.id), content_digest(event.data)):
        return Done()
    detail = f"{event.subject} is kept with other content for its aggregate"
    return Rejected(Reason.DOCUMENT_DIFFERS, detail)

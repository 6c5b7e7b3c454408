"""The state of services on each database and in memory, and samples to keep in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from shared.events import Effect
from shared.store import (
    Act,
    Archive,
    ArchivedFact,
    Audit,
    Inbox,
    MemoryArchive,
    MemoryAudit,
    MemoryInbox,
    MemoryParking,
    MemoryRecords,
    ParkedFact,
    Parking,
    Record,
    Records,
)

from .samples import numbered_id

MORNING = datetime(2026, 3, 1, 9, 0, 0, 1, tzinfo=UTC)


class State(Protocol):
    """What a test of behaviour needs of a store."""

    @property
    def records(self) -> Records: ...
    @property
    def parking(self) -> Parking: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def audit(self) -> Audit: ...
    def inbox(self, effect: Effect) -> Inbox: ...


@dataclass
class MemoryState:
    """The definitions, together."""

    records: Records = field(default_factory=MemoryRecords)
    parking: Parking = field(default_factory=MemoryParking)
    archive: Archive = field(default_factory=MemoryArchive)
    audit: Audit = field(default_factory=MemoryAudit)
    _inboxes: dict[str, Inbox] = field(default_factory=dict)

    def inbox(self, effect: Effect) -> Inbox:
        return self._inboxes.setdefault(effect, MemoryInbox(self.audit, lambda: MORNING))


def record(
    key: str, version: int = 1, *, kind: str = "thing", state: str = "new", text: str = "{}"
) -> Record:
    return Record(kind, key, version, state, text, MORNING + timedelta(minutes=version))


def parked(
    number: int,
    key: str = "item/gbrt/10010",
    *,
    subscription: str = "sales",
    minute: int | None = None,
    hours: int = 24,
    **others: Any,
) -> ParkedFact:
    at = MORNING + timedelta(minutes=number if minute is None else minute)
    named: dict[str, Any] = {
        "topic": "sale-completed",
        "missing": f"item 10010 does not exist, says {number}",
        "body": f'{{"number":{number}}}'.encode(),
        "properties": {"type": "sale", "retry": 1, "share": 0.5, "late": True},
        "subject": f"gbrt/LONDON/2026-03-01/T1/{number}",
        "attempt": 1,
        "times": 1,
        "history": "",
        "first_seen": at,
        "parked_at": at,
        "deadline": at + timedelta(hours=hours),
        "traceparent": None,
    }
    return ParkedFact(
        fact_id=numbered_id(number), subscription=subscription, key=key, **named | others
    )


def archived(
    number: int,
    *persons: str,
    store: str = "LONDON",
    day: int | None = 1,
    body: bytes = b"",
    minute: int = 0,
) -> ArchivedFact:
    return ArchivedFact(
        fact_id=numbered_id(number),
        fact_type="com.tillbus.sale-completed.v1",
        subject=f"gbrt/{store}/{day}/T1/{number}",
        company="gbrt",
        store=store,
        business_day=None if day is None else date(2026, 3, day),
        body=body or f'{{"number":{number}}}'.encode(),
        archived_at=MORNING + timedelta(minutes=minute),
        persons=tuple(sorted(set(persons))),
    )


def act(number: int, subject: str = "gbrt/LONDON/2026-03-01/T1/1") -> Act:
    return Act(
        MORNING + timedelta(microseconds=number), "services", "booked", subject, f"n {number}"
    )

"""Returns and the sales they belong to: whether those are booked, and what is left to come back.

What has come back of a sale is one record, by return, with the quantities of its lines. It is
written before the return is booked, so that of two returns of the last piece one is refused whoever
comes first; a return that is refused for another reason gives its quantities back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.sales.slips import Sale, lines_back, lines_sold, originals
from shared.bus import Delivery, Parked, Rejected
from shared.clock import Clock
from shared.companies import Company
from shared.events import (
    Event,
    InvalidEvent,
    Reason,
    SaleCompleted,
    SaleReturned,
    TransactionKey,
    decode,
    fact_id,
)
from shared.store.archive import Archive
from shared.store.errors import StoreUnavailable
from shared.store.inbox import Inbox
from shared.store.records import Record, Records

RETURNED = "returned"
"""Kind of the records; their key is the sale's."""

CORRECTIONS = range(4)
"""Revisions a sale is looked for under: what was refused at first is booked as a correction."""

_ATTEMPTS = 10

Lines = dict[int, Decimal]
"""Quantity by line number."""


def ids_of(key: TransactionKey) -> list[UUID]:
    """Return the ids of the facts that may have sold goods under this key, exchanges included."""
    types = (SaleCompleted.TYPE, SaleReturned.TYPE)
    return [fact_id(each, str(key), revision) for each in types for revision in CORRECTIONS]


async def not_booked(
    events: Iterable[Event[Sale]], inbox: Inbox
) -> dict[UUID, frozenset[TransactionKey]]:
    """Return, by fact, the sales it takes goods back from that are not known to be booked."""
    wanted = {event.id: originals(event.data) for event in events}
    keys = {key for found in wanted.values() for key in found}
    ids = {key: ids_of(key) for key in keys}
    booked = await inbox.results([each for found in ids.values() for each in found])
    missing = {key for key in keys if not any(each in booked for each in ids[key])}
    return {id_: frozenset(found) & missing for id_, found in wanted.items()}


def waited_out(delivery: Delivery) -> bool:
    """Return whether it has waited for a sale in vain: it is booked without one now."""
    return (delivery.waited_out or "").startswith("sale/")


def waiting(delivery: Delivery, loose: Iterable[TransactionKey], company: Company) -> Parked | None:
    """Return that the return waits for its sale, None where it does not or no longer.

    Of several sales it waits for one after the other; having waited one out, it waits for none.
    """
    if waited_out(delivery):
        return None
    since = company.live_since
    awaited = sorted(str(key) for key in loose if since is None or key.business_day >= since)
    if not awaited:
        return None
    missing = f"sale {awaited[0]}, which is not booked"
    return Parked(f"sale/{awaited[0]}", missing, company.return_patience)


async def reserve(
    events: Sequence[Event[Sale]], records: Records, archive: Archive, clock: Clock
) -> dict[UUID, Rejected]:
    """Note what comes back; return the refusals of those that would bring back more than was sold.

    What a sale sold is read from the archive; where it is not there nothing is refused.
    """
    sold = await _sold({key for event in events for key in originals(event.data)}, archive)
    for _ in range(_ATTEMPTS):
        keys = {str(key) for event in events for key in originals(event.data)}
        stored = await records.read(RETURNED, keys)
        found = {key: _entries(stored.get(key)) for key in keys}
        before = json.dumps(found, sort_keys=True)
        refusals: dict[UUID, Rejected] = {}
        for event in events:
            refusal = _take(event, found, sold)
            if refusal is not None:
                refusals[event.id] = refusal
        if json.dumps(found, sort_keys=True) == before:
            return refusals
        if not await records.write(_changed(stored, found, clock)):
            return refusals
    raise StoreUnavailable("the returns of one sale are being written by others all the time")


async def give_back(events: Sequence[Event[Sale]], records: Records, clock: Clock) -> None:
    """Forget what was noted for these returns, which are refused for good."""
    ids = {str(event.id) for event in events}
    keys = {str(key) for event in events for key in originals(event.data)}
    for _ in range(_ATTEMPTS):
        stored = await records.read(RETURNED, keys)
        found = {
            key: {name: each for name, each in _entries(record).items() if name not in ids}
            for key, record in stored.items()
        }
        changed = _changed(stored, found, clock)
        if not changed or not await records.write(changed):
            return
    raise StoreUnavailable("the returns of one sale are being written by others all the time")


def _take(
    event: Event[Sale],
    found: Mapping[str, dict[str, Any]],
    sold: Mapping[TransactionKey, Lines],
) -> Rejected | None:
    """Note the return in `found`, or return why not."""
    mine = _coming_back(event.data)
    for key in mine.keys() & sold.keys():
        for number, quantity in sorted(mine[key].items()):
            back = _come_back(found[str(key)], number, but=event.subject)
            there = sold[key].get(number, Decimal(0))
            if back + quantity > there:
                detail = (
                    f"of line {number} of sale {key} {quantity} come back, of {there} sold"
                    f" {back} have come back already"
                )
                return Rejected(Reason.RETURNS_MORE_THAN_SOLD, detail)
    for key, lines in mine.items():
        entries = found[str(key)]
        # Another content under the same id may be booked already: of both, the larger counts.
        noted: dict[str, str] = dict(entries.get(str(event.id), {}).get("lines", {}))
        for number, quantity in sorted(lines.items()):
            noted[str(number)] = str(max(quantity, Decimal(noted.get(str(number), 0))))
        entries[str(event.id)] = {"of": event.subject, "lines": noted}
    return None


def _come_back(entries: Mapping[str, Any], number: int, *, but: str) -> Decimal:
    """Return what has come back of a line by other transactions than `but`.

    Of corrections of one transaction only one is ever booked: the largest counts.
    """
    by_transaction: dict[str, Decimal] = {}
    for each in entries.values():
        quantity = Decimal(each["lines"].get(str(number), 0))
        by_transaction[each["of"]] = max(quantity, by_transaction.get(each["of"], Decimal(0)))
    by_transaction.pop(but, None)
    return sum(by_transaction.values(), Decimal(0))


def _coming_back(sale: Sale) -> dict[TransactionKey, Lines]:
    found: dict[TransactionKey, Lines] = {}
    for line in lines_back(sale):
        if line.original:
            lines = found.setdefault(line.original.key, {})
            number = line.original.line
            lines[number] = lines.get(number, Decimal(0)) + line.quantity
    return found


async def _sold(keys: set[TransactionKey], archive: Archive) -> dict[TransactionKey, Lines]:
    """Return what was sold by sale, as far as the archive has it; the latest correction counts."""
    ids = {key: ids_of(key) for key in keys}
    kept = await archive.read([each for found in ids.values() for each in found])
    sold: dict[TransactionKey, Lines] = {}
    for key, candidates in ids.items():
        for each in candidates:
            if each in kept and (lines := _lines(kept[each].body)):
                sold[key] = lines
    return sold


def _lines(body: bytes) -> Lines:
    try:
        fact = decode(body).data
    except InvalidEvent:
        return {}
    if not isinstance(fact, SaleCompleted | SaleReturned):
        return {}
    return {line.number: line.quantity for line in lines_sold(fact)}


def _entries(record: Record | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.text) if record else {}
    return found


def _changed(
    stored: Mapping[str, Record], found: Mapping[str, dict[str, Any]], clock: Clock
) -> list[Record]:
    now = clock()
    changed = []
    for key, entries in sorted(found.items()):
        text = json.dumps(entries, sort_keys=True)
        record = stored.get(key)
        if record is None and entries:
            changed.append(Record(RETURNED, key, 1, "", text, now))
        elif record is not None and record.text != text:
            changed.append(replace(record, version=record.version + 1, text=text, at=now))
    return changed

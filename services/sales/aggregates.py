"""Tickets of a store-day assigned to numbered aggregates: durable before anything is booked.

One write puts the tickets and their aggregate down together, so that whatever happens afterwards,
every ticket is in exactly one and the aggregate is always made of the same. Late tickets make
further aggregates of the same day.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.sales.ledgers import SalesBook
from services.sales.merging import chunks, group_of
from services.sales.slips import Sale
from services.sales.tickets import (
    ASSIGNED,
    ATTEMPTS,
    CLOSED,
    CLOSING,
    LATE,
    OPEN,
    STORE_DAY,
    TICKET,
    decoded,
)
from shared.clock import Clock
from shared.companies import Company, Grain
from shared.store.errors import StoreUnavailable
from shared.store.records import Record, Records

AGGREGATE = "aggregate"

MAX_LINES = 1_000
"""Of an aggregate. With taxes and discounts it stays below the 5,000 records of one changeset."""
MAX_TICKETS = 5_000
"""Of an aggregate or statement: what one write of the store carries."""

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What is to become one document. `number` counts from 1 within its store-day."""

    day: str
    number: int
    grain: Grain
    tickets: tuple[str, ...]
    """Keys of the tickets, in order."""

    @property
    def key(self) -> str:
        return f"{self.day}/{self.number:04d}"


def sums(sale: Sale, company: Company, book: SalesBook) -> bool:
    """Return whether a ticket waits for others, rather than being booked by itself.

    What a customer owes stays a document of its own: somebody has to pay that very one. Statements
    are summed up here only for ledgers that do not make their own.
    """
    if any(tender.type == "account" for tender in sale.tenders) and sale.customer:
        return False
    return {"ticket": False, "aggregate": True, "statement": book.keeps_statements}[company.grain]


def encoded(aggregate: Aggregate, cause: str = "") -> str:
    return json.dumps({"grain": aggregate.grain, "tickets": aggregate.tickets, "cause": cause})


def aggregate_of(record: Record) -> Aggregate:
    body = json.loads(record.text)
    day, _, number = record.key.rpartition("/")
    return Aggregate(day, int(number), body["grain"], tuple(body["tickets"]))


async def begin_closing(day: str, records: Records, clock: Clock) -> None:
    """Let no ticket join the day as open from now on; a day closed already stays so."""
    for _ in range(ATTEMPTS):
        stored = (await records.read(STORE_DAY, [day])).get(day)
        if stored is not None and stored.state != OPEN:
            return
        version = stored.version + 1 if stored else 1
        if not await records.write([Record(STORE_DAY, day, version, CLOSING, "", clock())]):
            return
    raise StoreUnavailable(f"store-day {day} is being written by others all the time")


async def finish_closing(day: str, records: Records, clock: Clock) -> None:
    """Note that all tickets which were open have their aggregate."""
    stored = (await records.read(STORE_DAY, [day])).get(day)
    if stored is not None and stored.state == CLOSING:
        closed = replace(stored, version=stored.version + 1, state=CLOSED, at=clock())
        await records.write([closed])  # in its way is only who has done the same


async def assign(day: str, company: Company, records: Records, clock: Clock) -> None:
    """Put every waiting ticket of the day into an aggregate; none waits afterwards."""
    for _ in range(ATTEMPTS):
        waiting = [
            record
            for state in (OPEN, LATE)
            async for record in every(records, TICKET, prefix=f"{day}/", state=state)
        ]
        number = await _last_number(day, records)
        for part in _parts(waiting, company):
            number += 1
            aggregate = Aggregate(day, number, company.grain, tuple(each.key for each in part))
            if await records.write(_assigned(aggregate, part, clock())):
                break  # somebody else is at it: look again at what is left
        else:
            return
    raise StoreUnavailable(f"tickets of {day} are being assigned by others all the time")


def _assigned(aggregate: Aggregate, part: Sequence[Record], now: datetime) -> list[Record]:
    moved = [replace(each, version=each.version + 1, state=ASSIGNED, at=now) for each in part]
    return [*moved, Record(AGGREGATE, aggregate.key, 1, ASSIGNED, encoded(aggregate), now)]


def _parts(waiting: Sequence[Record], company: Company) -> Iterator[list[Record]]:
    """Yield what belongs together, in an order that depends on nothing but the tickets."""
    groups: dict[tuple[str, ...], dict[str, tuple[Record, Sale]]] = {}
    for record in sorted(waiting, key=lambda each: each.key):
        sale = decoded(record).sale
        group = (sale.currency,) if company.grain == "statement" else group_of(sale)
        groups.setdefault(group, {})[str(sale.key)] = (record, sale)
    most_lines = MAX_TICKETS * MAX_LINES if company.grain == "statement" else MAX_LINES
    for _, group_tickets in sorted(groups.items()):
        yield from _cut(group_tickets, most_lines)


def _cut(tickets: Mapping[str, tuple[Record, Sale]], most_lines: int) -> Iterator[list[Record]]:
    sales = [sale for _, sale in tickets.values()]
    for part in chunks(sales, most_lines, MAX_TICKETS):
        yield [tickets[str(sale.key)][0] for sale in part]


async def _last_number(day: str, records: Records) -> int:
    last = 0
    async for record in every(records, AGGREGATE, prefix=f"{day}/"):
        last = max(last, aggregate_of(record).number)
    return last


async def every(
    records: Records, kind: str, *, prefix: str = "", state: str | None = None
) -> AsyncIterator[Record]:
    """Yield the records page by page, as `Records.find` has them."""
    after = ""
    while True:
        page = await records.find(kind, prefix=prefix, state=state, after=after, limit=_PAGE)
        for record in page:
            yield record
        if len(page) < _PAGE:
            return
        after = page[-1].key

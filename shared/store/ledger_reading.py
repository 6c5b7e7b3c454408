"""The ledger's queries over many days or facts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, func, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store import ledger_rows as rows
from shared.store.bulk import in_chunks
from shared.store.effects import FactEffects, by_fact
from shared.store.ledger import in_effect_order
from shared.store.ledger_entries import (
    DayEntries,
    Entries,
    Reversal,
    StoreDay,
    in_till_order,
)
from shared.store.schema import (
    ledger_days,
    ledger_documents,
    ledger_facts,
    ledger_rejections,
    ledger_reversals,
)

T = TypeVar("T")

_ROWS_AT_ONCE = 500
"""Rows turned into entries in one go: some twenty milliseconds."""

_POSITION = ("company", "store", "business_day", "terminal", "sequence")


async def effects_of(connection: AsyncConnection, fact_ids: list[UUID]) -> dict[UUID, FactEffects]:
    return by_fact(
        await _about(connection, ledger_documents, fact_ids, rows.read_document),
        await _about(connection, ledger_rejections, fact_ids, rows.read_rejection),
        await _about(connection, ledger_reversals, fact_ids, rows.read_reversal),
    )


async def _about(
    connection: AsyncConnection, table: Table, fact_ids: list[UUID], read: Callable[[Row[Any]], T]
) -> list[T]:
    found: list[T] = []
    for chunk in in_chunks(fact_ids):
        query = select(table).where(table.c.fact_id.in_(chunk))
        found += [read(row) for row in await connection.execute(query)]
    return found


async def entries_of(connection: AsyncConnection, days: Sequence[StoreDay]) -> list[DayEntries]:
    known = [(rows.read_day(row), row) for row in await connection.execute(_of_days(days))]
    facts = await _by_day(connection, ledger_facts, days, rows.read_fact)
    documents = await _by_day(connection, ledger_documents, days, rows.read_document)
    rejections = await _by_day(connection, ledger_rejections, days, rows.read_rejection)
    reversals = await _reversals_by_day(connection, days)
    return [
        DayEntries(
            day,
            row.version,
            Entries(
                facts=sorted(facts.get(day, []), key=in_till_order),
                documents=sorted(documents.get(day, []), key=in_till_order),
                rejections=sorted(rejections.get(day, []), key=in_till_order),
                reversals=sorted(reversals.get(day, []), key=in_effect_order),
                closed=rows.read_closed(row),
                opened=rows.read_opened(row),
            ),
        )
        for day, row in known
    ]


async def open_days(connection: AsyncConnection, days: Sequence[StoreDay]) -> dict[StoreDay, int]:
    query = _of_days(days).where(ledger_days.c.closed_revision.is_(None))
    return {rows.read_day(row): row.version for row in await connection.execute(query)}


async def days_with_gaps(connection: AsyncConnection, days: Sequence[StoreDay]) -> set[StoreDay]:
    """Return days with a number missing between a terminal's first and last, or with a reset."""
    claims = union_all(
        *(
            select(*(table.c[name] for name in _POSITION)).where(_is_one_of(days, table))
            for table in (ledger_facts, ledger_documents, ledger_rejections)
        )
    ).subquery()
    where = [claims.c[name] for name in _POSITION[:-1]]
    number = claims.c.sequence
    with_gaps = (
        select(*where)
        .group_by(*where)
        .having(func.count(number.distinct()) != func.max(number) - func.min(number) + 1)
    )
    with_resets = select(ledger_facts).where(
        _is_one_of(days, ledger_facts), ledger_facts.c.last_before.is_not(None)
    )
    return {
        rows.read_day(row)
        for query in (with_gaps, with_resets)
        for row in await connection.execute(query)
    }


def _of_days(days: Sequence[StoreDay], table: Table = ledger_days) -> Any:
    return select(table).where(_is_one_of(days, table))


def _is_one_of(days: Sequence[StoreDay], table: Table) -> ColumnElement[bool]:
    key = tuple_(table.c.company, table.c.store, table.c.business_day)
    return key.in_([(day.company, day.store, day.business_day) for day in days])


async def _by_day(
    connection: AsyncConnection,
    table: Table,
    days: Sequence[StoreDay],
    read: Callable[[Row[Any]], T],
) -> dict[StoreDay, list[T]]:
    found: dict[tuple[Any, ...], list[T]] = {}
    # In parts, between which the worker's other functions have their turn.
    async with connection.stream(_of_days(days, table)) as streamed:
        async for part in streamed.partitions(_ROWS_AT_ONCE):
            for row in part:
                place = (row.company, row.store, row.business_day)
                found.setdefault(place, []).append(read(row))
    return {StoreDay(*place): those for place, those in found.items()}


async def _reversals_by_day(
    connection: AsyncConnection, days: Sequence[StoreDay]
) -> dict[StoreDay, list[Reversal]]:
    booked, reversed_ = ledger_documents, ledger_reversals
    same = (booked.c.fact_id == reversed_.c.fact_id) & (booked.c.effect == reversed_.c.effect)
    where = (booked.c.company, booked.c.store, booked.c.business_day)
    query = select(reversed_, *where).join(booked, same).where(_is_one_of(days, booked))
    found: dict[StoreDay, list[Reversal]] = {}
    for row in await connection.execute(query):
        found.setdefault(rows.read_day(row), []).append(rows.read_reversal(row))
    return found

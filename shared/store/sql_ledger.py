"""The ledger in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    Update,
    and_,
    bindparam,
    exists,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store import ledger_rows as rows
from shared.store.bulk import count_up, in_chunks, insert_missing, insert_or_update
from shared.store.database import Database
from shared.store.effects import FactEffects, by_fact
from shared.store.ledger import (
    DayEntries,
    DayFilter,
    Entries,
    Evaluation,
    Ledger,
    Rejection,
    Reversal,
    StoreDay,
    half_booked_order,
    in_effect_order,
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


class SqlLedger(Ledger):
    """One statement per table and batch, whatever its size."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, entries: Entries) -> None:
        if entries == Entries():
            return
        async with self._database.writing() as connection:
            days = entries.days() | await _days_reversed(connection, entries)
            await count_up(connection, ledger_days, _rows(rows.day_row, days))
            await insert_missing(connection, ledger_facts, _rows(rows.fact_row, entries.facts))
            await insert_missing(
                connection, ledger_documents, _rows(rows.document_row, entries.documents)
            )
            await insert_missing(
                connection, ledger_reversals, _rows(rows.reversal_row, entries.reversals)
            )
            await insert_or_update(
                connection,
                ledger_rejections,
                _rows(rows.rejection_row, entries.rejections),
                when="rejected_at",
            )
            if entries.closed:
                await connection.execute(_CLOSE_DAY, _rows(rows.word_row, entries.closed))
            if entries.opened:
                await connection.execute(_OPEN_DAY, _rows(rows.word_row, entries.opened))

    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        query = select(*_DAY).where(*rows.conditions(ledger_days, wanted))
        async with self._database.reading() as connection:
            return sorted(rows.read_day(row) for row in await connection.execute(query))

    async def entries(self, days: Sequence[StoreDay]) -> list[DayEntries]:
        async with self._database.reading() as connection:
            found = [
                each for chunk in in_chunks(days) for each in await _entries(connection, chunk)
            ]
        return sorted(found, key=lambda each: each.day)

    async def effects(self, fact_ids: Iterable[UUID]) -> dict[UUID, FactEffects]:
        async with self._database.reading() as connection:
            return await _effects(connection, list(fact_ids))

    async def half_booked(self, wanted: DayFilter, limit: int) -> list[FactEffects]:
        refused, booked = ledger_rejections, ledger_documents
        candidates = (
            select(refused.c.fact_id)
            .distinct()
            .where(*rows.conditions(refused, wanted))
            .where(exists().where(booked.c.fact_id == refused.c.fact_id))
            .where(
                ~exists()
                .where(booked.c.fact_id == refused.c.fact_id)
                .where(booked.c.effect == refused.c.effect)
            )
        )
        async with self._database.reading() as connection:
            fact_ids = list((await connection.scalars(candidates)).all())
            found = await _effects(connection, fact_ids)
        halves = (each for each in found.values() if each.is_half_booked)
        return sorted(halves, key=half_booked_order)[:limit]

    async def rejections_without_key(self, limit: int) -> list[Rejection]:
        table = ledger_rejections
        booked_since = (
            exists()
            .where(ledger_documents.c.fact_id == table.c.fact_id)
            .where(ledger_documents.c.effect == table.c.effect)
        )
        query = (
            select(table)
            .where(table.c.sequence.is_(None), ~booked_since)
            .order_by(table.c.rejected_at.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [rows.read_rejection(row) for row in await connection.execute(query)]

    async def unevaluated(self, limit: int) -> list[StoreDay]:
        seen = ledger_days.c.evaluated_version
        query = (
            select(*_DAY)
            .where(seen.is_(None) | (seen != ledger_days.c.version))
            .order_by(*_DAY)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [rows.read_day(row) for row in await connection.execute(query)]

    async def evaluated(self, evaluations: Sequence[Evaluation]) -> None:
        if not evaluations:
            return
        async with self._database.writing() as connection:
            await connection.execute(_EVALUATE_DAY, _rows(rows.evaluation_row, evaluations))

    async def evaluations(self, *, other_than: str) -> list[Evaluation]:
        query = select(ledger_days).where(ledger_days.c.verdict != other_than)
        async with self._database.reading() as connection:
            found = [rows.read_evaluation(row) for row in await connection.execute(query)]
        return sorted(found, key=lambda each: each.day)


# Queries

_DAY = (ledger_days.c.company, ledger_days.c.store, ledger_days.c.business_day)


def _is_this_day() -> ColumnElement[bool]:
    return and_(*(column == bindparam(f"day_{column.name}") for column in _DAY))


def _keep_word(what: str) -> Update:
    """Return the update that keeps a store's word if its revision is the greater one."""
    revision, payload = ledger_days.c[f"{what}_revision"], ledger_days.c[f"{what}_payload"]
    return (
        update(ledger_days)
        .where(_is_this_day())
        .where(revision.is_(None) | (revision < bindparam("new_revision")))
        .values({revision: bindparam("new_revision"), payload: bindparam("new_payload")})
    )


_CLOSE_DAY = _keep_word("closed")
_OPEN_DAY = _keep_word("opened")

_EVALUATE_DAY = (
    update(ledger_days)
    .where(_is_this_day())
    .values(
        evaluated_version=bindparam("new_version"),
        verdict=bindparam("new_verdict"),
        missing_sequences=bindparam("new_missing"),
    )
)


async def _days_reversed(connection: AsyncConnection, entries: Entries) -> set[StoreDay]:
    """Return the days of the facts whose effects are taken back, known before or told with them."""
    reversed_ids = {each.fact_id for each in entries.reversals}
    told = Entries(
        facts=[each for each in entries.facts if each.fact_id in reversed_ids],
        documents=[each for each in entries.documents if each.fact_id in reversed_ids],
    )
    found = told.days()
    for table in (ledger_facts, ledger_documents):
        for chunk in in_chunks(list(reversed_ids)):
            query = select(table.c.company, table.c.store, table.c.business_day).where(
                table.c.fact_id.in_(chunk), table.c.sequence.is_not(None)
            )
            found |= {rows.read_day(row) for row in await connection.execute(query)}
    return found


async def _effects(connection: AsyncConnection, fact_ids: list[UUID]) -> dict[UUID, FactEffects]:
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


async def _entries(connection: AsyncConnection, days: Sequence[StoreDay]) -> list[DayEntries]:
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
    found: dict[StoreDay, list[T]] = {}
    # In parts, between which the worker's other functions have their turn.
    async with connection.stream(_of_days(days, table)) as streamed:
        async for part in streamed.partitions(_ROWS_AT_ONCE):
            for row in part:
                found.setdefault(rows.read_day(row), []).append(read(row))
    return found


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


def _rows(write: Callable[[T], rows.Values], values: Iterable[T]) -> list[rows.Values]:
    return [write(value) for value in values]

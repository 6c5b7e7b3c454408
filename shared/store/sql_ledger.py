"""The ledger in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Update, and_, bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store import ledger_rows as rows
from shared.store.bulk import count_up, in_chunks, insert_missing, insert_or_update
from shared.store.database import Database
from shared.store.effects import FactEffects
from shared.store.ledger import (
    DayEntries,
    DayFilter,
    Entries,
    Evaluation,
    Ledger,
    Rejection,
    StoreDay,
    half_booked_order,
)
from shared.store.ledger_reading import days_with_gaps, effects_of, entries_of, open_days
from shared.store.schema import (
    ledger_days,
    ledger_documents,
    ledger_facts,
    ledger_rejections,
    ledger_reversals,
)

T = TypeVar("T")


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
                each for chunk in in_chunks(days) for each in await entries_of(connection, chunk)
            ]
        return sorted(found, key=lambda each: each.day)

    async def gapless(self, days: Sequence[StoreDay]) -> dict[StoreDay, int]:
        found: dict[StoreDay, int] = {}
        async with self._database.reading() as connection:
            for chunk in in_chunks(days):
                found |= await open_days(connection, chunk)
                for day in await days_with_gaps(connection, chunk):
                    found.pop(day, None)
        return found

    async def effects(self, fact_ids: Iterable[UUID]) -> dict[UUID, FactEffects]:
        async with self._database.reading() as connection:
            return await effects_of(connection, list(fact_ids))

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
            found = await effects_of(connection, fact_ids)
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


# Writing

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


def _rows(write: Callable[[T], rows.Values], values: Iterable[T]) -> list[rows.Values]:
    return [write(value) for value in values]

"""The ledger in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events import TransactionKey
from shared.store.bulk import count_up, in_chunks, insert_missing, insert_or_update
from shared.store.database import Database
from shared.store.ledger import (
    ClosedDay,
    DayEntries,
    DayFilter,
    Entries,
    Evaluation,
    Ledger,
    PostedDocument,
    Rejection,
    SeenFact,
    StoreDay,
    in_till_order,
)
from shared.store.schema import ledger_days, ledger_documents, ledger_facts, ledger_rejections

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
            await count_up(connection, ledger_days, [_day_row(day) for day in entries.days()])
            await insert_missing(connection, ledger_facts, _rows(_fact_row, entries.facts))
            await insert_missing(
                connection, ledger_documents, _rows(_document_row, entries.documents)
            )
            await insert_or_update(
                connection,
                ledger_rejections,
                _rows(_rejection_row, entries.rejections),
                when="rejected_at",
            )
            if entries.closed:
                await connection.execute(_CLOSE_DAY, _rows(_closed_row, entries.closed))

    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        async with self._database.reading() as connection:
            found = await connection.execute(select(*_DAY).where(*_conditions(wanted)))
            return sorted(_day(row) for row in found)

    async def entries(self, days: Sequence[StoreDay]) -> list[DayEntries]:
        async with self._database.reading() as connection:
            found = [
                each for chunk in in_chunks(days) for each in await _entries(connection, chunk)
            ]
        return sorted(found, key=lambda each: each.day)

    async def rejections_without_key(self, limit: int) -> list[Rejection]:
        table = ledger_rejections
        query = (
            select(table)
            .where(table.c.sequence.is_(None))
            .order_by(table.c.rejected_at.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_rejection(row) for row in await connection.execute(query)]

    async def unevaluated(self, limit: int) -> list[StoreDay]:
        seen = ledger_days.c.evaluated_version
        query = (
            select(*_DAY)
            .where(seen.is_(None) | (seen != ledger_days.c.version))
            .order_by(*_DAY)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_day(row) for row in await connection.execute(query)]

    async def evaluated(self, evaluations: Sequence[Evaluation]) -> None:
        if not evaluations:
            return
        async with self._database.writing() as connection:
            await connection.execute(_EVALUATE_DAY, _rows(_evaluation_row, evaluations))

    async def evaluations(self, *, other_than: str) -> list[Evaluation]:
        query = select(ledger_days).where(ledger_days.c.verdict != other_than)
        async with self._database.reading() as connection:
            found = [_evaluation(row) for row in await connection.execute(query)]
        return sorted(found, key=lambda each: each.day)


# Queries

_DAY = (ledger_days.c.company, ledger_days.c.store, ledger_days.c.business_day)


def _is_this_day() -> ColumnElement[bool]:
    return and_(*(column == bindparam(f"day_{column.name}") for column in _DAY))


_CLOSE_DAY = (
    update(ledger_days)
    .where(_is_this_day())
    .where(
        ledger_days.c.closed_revision.is_(None)
        | (ledger_days.c.closed_revision < bindparam("new_revision"))
    )
    .values(closed_revision=bindparam("new_revision"), closed_payload=bindparam("new_payload"))
)

_EVALUATE_DAY = (
    update(ledger_days)
    .where(_is_this_day())
    .values(
        evaluated_version=bindparam("new_version"),
        verdict=bindparam("new_verdict"),
        missing_sequences=bindparam("new_missing"),
    )
)


def _conditions(wanted: DayFilter) -> list[ColumnElement[bool]]:
    company, store, business_day = _DAY
    given = (
        (wanted.company, company.__eq__),
        (wanted.store, store.__eq__),
        (wanted.first_day, business_day.__ge__),
        (wanted.last_day, business_day.__le__),
    )
    return [condition(value) for value, condition in given if value is not None]


async def _entries(connection: AsyncConnection, days: Sequence[StoreDay]) -> list[DayEntries]:
    known = [(_day(row), row) for row in await connection.execute(_of_days(ledger_days, days))]
    facts = await _by_day(connection, ledger_facts, days, _fact)
    documents = await _by_day(connection, ledger_documents, days, _document)
    rejections = await _by_day(connection, ledger_rejections, days, _rejection)
    return [
        DayEntries(
            day,
            row.version,
            Entries(
                facts=sorted(facts.get(day, []), key=in_till_order),
                documents=sorted(documents.get(day, []), key=in_till_order),
                rejections=sorted(rejections.get(day, []), key=in_till_order),
                closed=[] if row.closed_revision is None else [_closed(row)],
            ),
        )
        for day, row in known
    ]


def _of_days(table: Table, days: Sequence[StoreDay]) -> Any:
    key = tuple_(table.c.company, table.c.store, table.c.business_day)
    return select(table).where(
        key.in_([(day.company, day.store, day.business_day) for day in days])
    )


async def _by_day(
    connection: AsyncConnection,
    table: Table,
    days: Sequence[StoreDay],
    read: Callable[[Row[Any]], T],
) -> dict[StoreDay, list[T]]:
    found: dict[StoreDay, list[T]] = {}
    # In parts, between which the worker's other functions have their turn.
    async with connection.stream(_of_days(table, days)) as rows:
        async for part in rows.partitions(_ROWS_AT_ONCE):
            for row in part:
                found.setdefault(_day(row), []).append(read(row))
    return found


# Rows, written and read


def _rows(write: Callable[[T], dict[str, object]], values: Iterable[T]) -> list[dict[str, object]]:
    return [write(value) for value in values]


def _day_row(day: StoreDay) -> dict[str, object]:
    return {"company": day.company, "store": day.store, "business_day": day.business_day}


def _day(row: Any) -> StoreDay:
    return StoreDay(row.company, row.store, row.business_day)


def _key_row(key: TransactionKey) -> dict[str, object]:
    return _day_row(StoreDay.of(key)) | {"terminal": key.terminal, "sequence": key.sequence}


def _key(row: Row[Any]) -> TransactionKey:
    return TransactionKey(
        company=row.company,
        store=row.store,
        business_day=row.business_day,
        terminal=row.terminal,
        sequence=row.sequence,
    )


def _fact_row(fact: SeenFact) -> dict[str, object]:
    return _key_row(fact.key) | {
        "fact_id": fact.fact_id,
        "fact_type": fact.fact_type,
        "amount": fact.amount,
        "currency": fact.currency,
        "seen_at": fact.seen_at,
    }


def _fact(row: Row[Any]) -> SeenFact:
    return SeenFact(row.fact_id, row.fact_type, _key(row), row.amount, row.currency, row.seen_at)


def _document_row(document: PostedDocument) -> dict[str, object]:
    return _key_row(document.key) | {
        "fact_id": document.fact_id,
        "fact_type": document.fact_type,
        "document_key": document.document_key,
        "amount": document.amount,
        "currency": document.currency,
        "posted_at": document.posted_at,
    }


def _document(row: Row[Any]) -> PostedDocument:
    return PostedDocument(
        row.fact_id,
        row.fact_type,
        _key(row),
        row.document_key,
        row.amount,
        row.currency,
        row.posted_at,
    )


_NO_KEY = dict.fromkeys(("company", "store", "business_day", "terminal", "sequence"))


def _rejection_row(rejection: Rejection) -> dict[str, object]:
    key = _NO_KEY if rejection.key is None else _key_row(rejection.key)
    return dict(key) | {
        "identity": rejection.identity,
        "fact_id": rejection.fact_id,
        "subscription": rejection.subscription,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "rejected_at": rejection.rejected_at,
    }


def _rejection(row: Row[Any]) -> Rejection:
    return Rejection(
        identity=row.identity,
        fact_id=row.fact_id,
        key=None if row.sequence is None else _key(row),
        subscription=row.subscription,
        reason=row.reason,
        detail=row.detail,
        rejected_at=row.rejected_at,
    )


def _closed_row(closed: ClosedDay) -> dict[str, object]:
    return _day_parameters(closed.day) | {
        "new_revision": closed.revision,
        "new_payload": closed.payload,
    }


def _closed(row: Row[Any]) -> ClosedDay:
    return ClosedDay(_day(row), row.closed_revision, row.closed_payload)


def _evaluation_row(evaluation: Evaluation) -> dict[str, object]:
    return _day_parameters(evaluation.day) | {
        "new_version": evaluation.version,
        "new_verdict": evaluation.verdict,
        "new_missing": evaluation.missing_sequences,
    }


def _evaluation(row: Row[Any]) -> Evaluation:
    return Evaluation(_day(row), row.evaluated_version, row.verdict, row.missing_sequences)


def _day_parameters(day: StoreDay) -> dict[str, object]:
    return {f"day_{name}": value for name, value in _day_row(day).items()}

"""The archive in two tables: the facts, and whom each is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.archive import Archive, ArchivedFact
from shared.store.bulk import in_chunks, insert_new
from shared.store.database import Database
from shared.store.schema import archive, archive_persons


class SqlArchive(Archive):
    """One short transaction per call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, facts: Sequence[ArchivedFact]) -> None:
        if not facts:
            return
        given: dict[UUID, ArchivedFact] = {}
        for fact in facts:
            given.setdefault(fact.fact_id, fact)
        async with self._database.writing() as connection:
            new = await insert_new(connection, archive, [_row(each) for each in given.values()])
            persons = [
                {"fact_id": fact_id, "person": person}
                for fact_id, fact in given.items()
                if (fact_id,) in new
                for person in fact.persons
            ]
            await insert_new(connection, archive_persons, persons)

    async def read(self, fact_ids: Iterable[UUID]) -> dict[UUID, ArchivedFact]:
        found: dict[UUID, ArchivedFact] = {}
        wanted = list(fact_ids)
        if not wanted:
            return found
        async with self._database.reading() as connection:
            for chunk in in_chunks(wanted):
                rows = select(archive).where(archive.c.fact_id.in_(chunk))
                found |= {each.fact_id: each for each in await _facts(connection, rows)}
        return found

    async def of_day(self, company: str, store: str, day: date) -> list[ArchivedFact]:
        wanted = (
            select(archive)
            .where(
                archive.c.company == company,
                archive.c.store == store,
                archive.c.business_day == day,
            )
            .order_by(archive.c.subject, archive.c.fact_id)
        )
        async with self._database.reading() as connection:
            return await _facts(connection, wanted)

    async def about(self, person: str) -> list[ArchivedFact]:
        wanted = (
            select(archive)
            .join(archive_persons, archive_persons.c.fact_id == archive.c.fact_id)
            .where(archive_persons.c.person == person)
            .order_by(archive.c.archived_at, archive.c.fact_id)
        )
        async with self._database.reading() as connection:
            return await _facts(connection, wanted)

    async def erase(self, person: str, bodies: Mapping[UUID, bytes]) -> None:
        if not bodies:
            return
        async with self._database.writing() as connection:
            about = select(archive_persons.c.fact_id).where(archive_persons.c.person == person)
            erased = sorted(set(await connection.scalars(about)) & set(bodies))
            if erased:
                rows = [{"of_fact": each, "new_body": bodies[each]} for each in erased]
                await connection.execute(_NEW_BODY, rows)
                await connection.execute(_FORGET_PERSONS, rows)


_NEW_BODY = (
    update(archive)
    .where(archive.c.fact_id == bindparam("of_fact"))
    .values(body=bindparam("new_body"))
)
_FORGET_PERSONS = delete(archive_persons).where(archive_persons.c.fact_id == bindparam("of_fact"))


async def _facts(connection: AsyncConnection, wanted: Select[Any]) -> list[ArchivedFact]:
    rows = (await connection.execute(wanted)).all()
    persons: dict[UUID, list[str]] = {}
    for chunk in in_chunks([row.fact_id for row in rows]):
        pairs = (
            select(archive_persons)
            .where(archive_persons.c.fact_id.in_(chunk))
            .order_by(archive_persons.c.person)
        )
        for pair in await connection.execute(pairs):
            persons.setdefault(pair.fact_id, []).append(pair.person)
    return [_fact(row, persons.get(row.fact_id, ())) for row in rows]


def _row(fact: ArchivedFact) -> dict[str, object]:
    return {
        "fact_id": fact.fact_id,
        "fact_type": fact.fact_type,
        "subject": fact.subject,
        "company": fact.company,
        "store": fact.store,
        "business_day": fact.business_day,
        "body": fact.body,
        "archived_at": fact.archived_at,
    }


def _fact(row: Row[Any], persons: Iterable[str]) -> ArchivedFact:
    return ArchivedFact(
        fact_id=row.fact_id,
        fact_type=row.fact_type,
        subject=row.subject,
        company=row.company,
        store=row.store,
        business_day=row.business_day,
        body=row.body,
        archived_at=row.archived_at,
        persons=tuple(persons),
    )

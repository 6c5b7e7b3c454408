"""Issued certificates in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.bulk import in_chunks
from shared.store.certificates import Certificates, Draft, IssuedCertificate, linked_to_chain
from shared.store.database import Database
from shared.store.ledger_entries import DayFilter, StoreDay
from shared.store.ledger_rows import conditions
from shared.store.schema import certificates

_LOCKS = 0x6365_7274  # "cert": the first half of the PostgreSQL lock keys of chains

_DAY = (certificates.c.company, certificates.c.store, certificates.c.business_day)


class SqlCertificates(Certificates):
    """One short transaction per call; two writers of a chain take turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, drafts: Sequence[Draft], now: datetime) -> list[IssuedCertificate]:
        if not drafts:
            return []
        in_order = sorted(drafts, key=lambda each: each.day)
        added: list[IssuedCertificate] = []
        async with self._database.writing() as connection:
            for (company, store), those in groupby(in_order, _chain_of):
                added += await _issue(connection, company, store, list(those), now)
        return added

    async def latest(self, days: Iterable[StoreDay]) -> dict[StoreDay, IssuedCertificate]:
        found: dict[StoreDay, IssuedCertificate] = {}
        async with self._database.reading() as connection:
            for chunk in in_chunks(list(days)):
                keys = [(day.company, day.store, day.business_day) for day in chunk]
                newest = (
                    select(*_DAY, func.max(certificates.c.revision))
                    .where(tuple_(*_DAY).in_(keys))
                    .group_by(*_DAY)
                )
                query = select(certificates).where(
                    tuple_(*_DAY, certificates.c.revision).in_(newest)
                )
                links = [_link(row) for row in await connection.execute(query)]
                found |= {link.day: link for link in links}
        return found

    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        query = select(*_DAY).distinct().where(*conditions(certificates, wanted))
        async with self._database.reading() as connection:
            return sorted(StoreDay(*row) for row in await connection.execute(query))

    async def chain(
        self, company: str, store: str, *, after: int = 0, limit: int = 1000
    ) -> list[IssuedCertificate]:
        query = (
            _of_store(company, store)
            .where(certificates.c.number > after)
            .order_by(certificates.c.number)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_link(row) for row in await connection.execute(query)]


def _chain_of(draft: Draft) -> tuple[str, str]:
    return draft.day.company, draft.day.store


def _of_store(company: str, store: str) -> Select[Any]:
    return select(certificates).where(
        certificates.c.company == company, certificates.c.store == store
    )


async def _issue(
    connection: AsyncConnection, company: str, store: str, drafts: Sequence[Draft], now: datetime
) -> list[IssuedCertificate]:
    """Add what is new of one store's drafts, which are in order of their days.

    From here to the transaction's end other writers of the chain wait. SQLite has one writer
    anyway; PostgreSQL is asked for a lock, after which a new statement sees what was committed.
    """
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:all, hashtext(:chain))")
        await connection.execute(lock, {"all": _LOCKS, "chain": f"{company}/{store}"})
    added: list[IssuedCertificate] = []
    for draft in drafts:
        known = await _what_it_follows(connection, draft.day)
        link = linked_to_chain(draft, now, known)
        if link:
            await connection.execute(insert(certificates), [_row(link)])
            added.append(link)
    return added


async def _what_it_follows(connection: AsyncConnection, day: StoreDay) -> list[IssuedCertificate]:
    """Return the newest links of the day and of the last one before it, and the chain's last."""
    table = certificates
    of_store = _of_store(day.company, day.store)
    newest_first = (table.c.business_day.desc(), table.c.revision.desc())
    queries = (
        of_store.where(table.c.business_day < day.business_day).order_by(*newest_first),
        of_store.where(table.c.business_day == day.business_day).order_by(*newest_first),
        of_store.order_by(table.c.number.desc()),
    )
    rows = [(await connection.execute(query.limit(1))).first() for query in queries]
    return [_link(row) for row in rows if row]


def _row(link: IssuedCertificate) -> dict[str, object]:
    return {name: getattr(link, name) for name in IssuedCertificate.__slots__}


def _link(row: Row[Any]) -> IssuedCertificate:
    return IssuedCertificate(**{name: getattr(row, name) for name in IssuedCertificate.__slots__})

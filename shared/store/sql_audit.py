"""The audit log in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.audit import Act, Audit, AuditEntry, chained
from shared.store.database import Database
from shared.store.schema import audit

_LOCKS = 0x6175_6474  # "audt": the first half of the PostgreSQL lock keys of chains


class SqlAudit(Audit):
    """One short transaction per call; two writers of a chain take turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, chain: str, acts: Sequence[Act]) -> list[AuditEntry]:
        if not acts:
            return []
        async with self._database.writing() as connection:
            return await append(connection, chain, acts)

    async def read(self, chain: str, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        wanted = (
            select(audit)
            .where(audit.c.chain == chain, audit.c.number > after)
            .order_by(audit.c.number)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_entry(row) for row in await connection.execute(wanted)]

    async def chains(self) -> list[str]:
        # Every chain begins with its number 1; a DISTINCT would read all entries.
        first = select(audit.c.chain).where(audit.c.number == 1).order_by(audit.c.chain)
        async with self._database.reading() as connection:
            return list(await connection.scalars(first))


async def append(connection: AsyncConnection, chain: str, acts: Sequence[Act]) -> list[AuditEntry]:
    """Add the acts within a writing transaction, as its last step.

    From here to the transaction's end other writers of the chain wait. SQLite has one writer
    anyway; PostgreSQL is asked for a lock, after which a new statement sees what was committed.
    """
    if not acts:
        return []
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:all, hashtext(:chain))")
        await connection.execute(lock, {"all": _LOCKS, "chain": chain})
    newest = select(audit).where(audit.c.chain == chain).order_by(audit.c.number.desc()).limit(1)
    row = (await connection.execute(newest)).first()
    entries = chained(chain, _entry(row) if row else None, acts)
    await connection.execute(insert(audit), [_row(entry) for entry in entries])
    return entries


def _row(entry: AuditEntry) -> dict[str, object]:
    return {
        "chain": entry.chain,
        "number": entry.number,
        "at": entry.act.at,
        "actor": entry.act.actor,
        "action": entry.act.action,
        "subject": entry.act.subject,
        "detail": entry.act.detail,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _entry(row: Row[Any]) -> AuditEntry:
    act = Act(row.at, row.actor, row.action, row.subject, row.detail)
    return AuditEntry(row.chain, row.number, act, row.previous, row.hash)

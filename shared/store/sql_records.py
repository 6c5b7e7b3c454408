"""Records in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.bulk import in_chunks, insert_new
from shared.store.database import Database
from shared.store.prefixes import starting_with
from shared.store.records import Record, Records
from shared.store.schema import records as table


class SqlRecords(Records):
    """One transaction per call; PostgreSQL locks the rows it writes, in the order of their keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, kind: str, keys: Iterable[str]) -> dict[str, Record]:
        wanted = list(keys)
        if not wanted:
            return {}
        found: dict[str, Record] = {}
        async with self._database.reading() as connection:
            for chunk in in_chunks(wanted):
                rows = select(table).where(table.c.kind == kind, table.c.key.in_(chunk))
                found |= {row.key: _record(row) for row in await connection.execute(rows)}
        return found

    async def find(
        self,
        kind: str,
        *,
        prefix: str = "",
        state: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> list[Record]:
        wanted = select(table).where(table.c.kind == kind, starting_with(table.c.key, prefix))
        if state is not None:
            wanted = wanted.where(table.c.state == state)
        if after:
            wanted = wanted.where(table.c.key > after)
        async with self._database.reading() as connection:
            rows = await connection.execute(wanted.order_by(table.c.key).limit(limit))
            return [_record(row) for row in rows]

    async def kinds(self) -> list[str]:
        wanted = select(table.c.kind).distinct().order_by(table.c.kind)
        async with self._database.reading() as connection:
            return list(await connection.scalars(wanted))

    async def write(self, records: Sequence[Record]) -> list[Record | None]:
        if not records:
            return []
        async with self._database.writing() as connection:
            in_the_way = await _write(connection, records)
            if in_the_way:
                await connection.rollback()
            return in_the_way

    async def delete(self, kind: str, keys: Iterable[str]) -> None:
        wanted = sorted(set(keys))
        if wanted:
            one = delete(table).where(table.c.kind == kind, table.c.key == bindparam("of_key"))
            async with self._database.writing() as connection:
                await connection.execute(one, [{"of_key": key} for key in wanted])


async def _write(connection: AsyncConnection, records: Sequence[Record]) -> list[Record | None]:
    """Write what can be written; return what stood in the way, which undoes it.

    New rows first, then the locks on old ones, each in the order of keys: whoever waits here waits
    for somebody who no longer waits for anybody behind him.
    """
    new = await insert_new(connection, table, [_row(each) for each in records if each.version == 1])
    changes = [each for each in records if (each.kind, each.key) not in new]
    if not changes:
        return []
    stored = await _locked(connection, changes)
    in_the_way = [
        before
        for each in changes
        for before in [stored.get((each.kind, each.key))]
        if each.version == 1 or before is None or before.version != each.version - 1
    ]
    if not in_the_way:
        await connection.execute(_UPDATE, [_change(each) for each in changes])
    return in_the_way


async def _locked(
    connection: AsyncConnection, records: Sequence[Record]
) -> dict[tuple[str, str], Record]:
    stored: dict[tuple[str, str], Record] = {}
    for chunk in in_chunks(sorted((each.kind, each.key) for each in records)):
        rows = (
            select(table)
            .where(tuple_(table.c.kind, table.c.key).in_(chunk))
            .order_by(table.c.kind, table.c.key)
            .with_for_update()
        )
        stored |= {(row.kind, row.key): _record(row) for row in await connection.execute(rows)}
    return stored


_UPDATE = (
    update(table)
    .where(table.c.kind == bindparam("of_kind"), table.c.key == bindparam("of_key"))
    .values({name: bindparam(f"new_{name}") for name in ("version", "state", "text", "at")})
)


def _change(record: Record) -> dict[str, object]:
    return {
        "of_kind": record.kind,
        "of_key": record.key,
        "new_version": record.version,
        "new_state": record.state,
        "new_text": record.text,
        "new_at": record.at,
    }


def _row(record: Record) -> dict[str, object]:
    return {
        "kind": record.kind,
        "key": record.key,
        "version": record.version,
        "state": record.state,
        "text": record.text,
        "at": record.at,
    }


def _record(row: Row[Any]) -> Record:
    return Record(row.kind, row.key, row.version, row.state, row.text, row.at)

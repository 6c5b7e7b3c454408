"""Forgetting old rows without holding up those who write new ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Table, delete, select, tuple_

from shared.store.bulk import in_chunks
from shared.store.database import Database

_PAGE = 10_000
"""Keys found by one look through the table; the look itself holds up nobody."""


async def forget_before(
    database: Database,
    table: Table,
    written: Column[datetime],
    before: datetime,
    details: Sequence[Table] = (),
) -> int:
    """Delete the rows of `table` with `written` before a moment; return how many.

    Rows of `details` go with those whose primary key they begin with. Deletes in small
    transactions: what a crash leaves is found the next time.
    """
    key = list(table.primary_key)
    old = select(*key).where(written < before).limit(_PAGE)
    forgotten = 0
    while True:
        async with database.reading() as connection:
            found = (await connection.execute(old)).all()
        for chunk in in_chunks(found):
            await _delete(database, [*details, table], [column.name for column in key], chunk)
        forgotten += len(found)
        if len(found) < _PAGE:
            return forgotten


async def _delete(
    database: Database, tables: Sequence[Table], names: Sequence[str], keys: Sequence[Row[Any]]
) -> None:
    values = [tuple(key) for key in keys]
    async with database.writing() as connection:
        for table in tables:
            columns = [table.c[name] for name in names]
            await connection.execute(delete(table).where(tuple_(*columns).in_(values)))

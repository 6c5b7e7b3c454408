"""Statements over many rows at once, in the words both databases understand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Table, case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

_MOST_PARAMETERS = 500
"""Values in one IN (...): far below either database's limit, large enough for any trigger batch."""

T = TypeVar("T")
Insert = postgresql.Insert | sqlite.Insert


def in_chunks(values: Sequence[T], size: int = _MOST_PARAMETERS) -> Iterator[list[T]]:
    rest = iter(dict.fromkeys(values))
    while chunk := list(islice(rest, size)):
        yield chunk


async def insert_missing(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert the rows whose primary key is new, the first of equals; leave the others alone.

    Rows go in the order of their keys: two writers of overlapping batches then wait for each other
    instead of deadlocking.
    """
    if rows:
        statement = _insert(connection, table).on_conflict_do_nothing()
        await connection.execute(statement, _in_key_order(table, rows))


async def insert_new(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]]
) -> set[tuple[object, ...]]:
    """Insert as `insert_missing` does; return the primary keys of the rows that were new."""
    if not rows:
        return set()
    statement = _insert(connection, table).on_conflict_do_nothing().returning(*table.primary_key)
    added = await connection.execute(statement, _in_key_order(table, rows))
    return {tuple(row) for row in added}


async def insert_or_update(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    when: str,
) -> None:
    """Insert rows; where the key exists, replace the row if the new one's `when` is greater."""
    if not rows:
        return
    statement = _insert(connection, table)
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={column.name: new[column.name] for column in table.c if not column.primary_key},
            where=table.c[when] < new[when],
        ),
        _in_key_order(table, rows),
    )


async def insert_or_replace(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    keep: Sequence[str] = (),
    least: Sequence[str] = (),
) -> None:
    """Insert rows of distinct keys; where one exists, replace it but for these columns.

    `keep` stay as they were, of `least` the smaller value stays.
    """
    statement = _insert(connection, table)
    new = statement.excluded
    changed = {
        column.name: case((new[column.name] < column, new[column.name]), else_=column)
        if column.name in least
        else new[column.name]
        for column in table.c
        if not column.primary_key and column.name not in keep
    }
    await connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed),
        _in_key_order(table, rows),
    )


async def count_up(
    connection: AsyncConnection, table: Table, keys: Sequence[Mapping[str, object]]
) -> None:
    """Raise `version` of these keys by one, starting at one."""
    if not keys:
        return
    statement = _insert(connection, table)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={"version": table.c.version + 1}
        ),
        _in_key_order(table, [{**key, "version": 1} for key in keys]),
    )


def _insert(connection: AsyncConnection, table: Table) -> Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _in_key_order(table: Table, rows: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    names = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: [str(row[name]) for name in names])

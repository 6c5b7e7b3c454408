"""Notes in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import select, update

from shared.store.bulk import insert_missing
from shared.store.database import Database
from shared.store.notes import Notes
from shared.store.schema import notes

T = TypeVar("T")


class SqlNotes(Notes):
    """One short transaction per change; PostgreSQL locks the row, SQLite has one writer anyway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, name: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        row = notes.c.name == name
        async with self._database.writing() as connection:
            await insert_missing(connection, notes, [{"name": name, "text": None}])
            text = await connection.scalar(select(notes.c.text).where(row).with_for_update())
            changed, answer = change(text)
            await connection.execute(update(notes).where(row).values(text=changed))
            return answer

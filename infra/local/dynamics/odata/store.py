"""Rows of entity sets in one SQLite file, a table per set.

A row is its key columns, its body as JSON text, and a version for ETags. With WAL and
synchronous=NORMAL a committed transaction survives the death of the process at any instant; losing
power may lose the last ones but never tears the file (SQLite, PRAGMA synchronous).
Everything here is synchronous on purpose: one transaction takes about a millisecond, nothing else
of the process can come between its statements, and so it is atomic and serial without a lock.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .entities import DECIMAL, INT32, INT64, EntitySet, Row, Scalar
from .keys import Key

_FIRST_RECORD_ID = 5637144576
"""Where record ids begin in Dynamics (see the ETags in the payload samples)."""

_NUMBERS = (DECIMAL, INT32, INT64)


class DuplicateKey(Exception):
    """The set already holds a row with this key."""


class Unstorable(ValueError):
    """A text holds a lone surrogate, which is no character."""


class StoreUnusable(Exception):
    """The file cannot be opened as a database."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    key: Key
    body: str
    """JSON object text of the fields that were ever set, key fields included."""
    version: int
    record_id: int

    def values(self) -> Row:
        row: Row = json.loads(self.body)
        return row


@dataclass(frozen=True, slots=True)
class _Statements:
    create: str
    insert: str
    get: str
    has: str
    update: str
    delete: str


class EntityStore:
    def __init__(self, path: Path | str, sets: Sequence[EntitySet]) -> None:
        """Open or create the file. Raises StoreUnusable with one sentence when that fails."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA wal_autocheckpoint=4000")
            self._statements = {entity_set.name: _statements(entity_set) for entity_set in sets}
            for statements in self._statements.values():
                self._db.execute(statements.create)
        except sqlite3.Error as error:
            raise StoreUnusable(f"cannot use {path} as the database: {error}") from error

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; must not be held across an await. On return it is durable."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def insert(self, entity_set: EntitySet, key: Key, row: Row) -> StoredRow:
        """Raises DuplicateKey, Unstorable."""
        body = json.dumps(row)
        try:
            done = self._db.execute(self._statements[entity_set.name].insert, (*key, body))
        except sqlite3.IntegrityError as error:
            raise DuplicateKey from error
        except UnicodeEncodeError as error:
            raise Unstorable("The text holds a character that cannot be stored.") from error
        return StoredRow(key, body, 1, _FIRST_RECORD_ID + (done.lastrowid or 0))

    def get(self, entity_set: EntitySet, key: Key) -> StoredRow | None:
        try:
            found = self._db.execute(self._statements[entity_set.name].get, key).fetchone()
        except UnicodeEncodeError:
            return None
        return None if found is None else _stored(entity_set, found)

    def has(self, entity_set: EntitySet, key: Key) -> bool:
        try:
            found = self._db.execute(self._statements[entity_set.name].has, key).fetchone()
        except UnicodeEncodeError:
            return False
        return found is not None

    def update(self, entity_set: EntitySet, key: Key, row: Row) -> None:
        self._db.execute(self._statements[entity_set.name].update, (json.dumps(row), *key))

    def delete(self, entity_set: EntitySet, key: Key) -> None:
        self._db.execute(self._statements[entity_set.name].delete, key)

    def delete_below(self, child: EntitySet, parent: EntitySet, key: Key) -> None:
        """Delete the rows of `child` whose parent fields equal `key`."""
        where = " AND ".join(f'"{name}"=?' for name in parent.keys)
        self._db.execute(f'DELETE FROM "{child.name}" WHERE {where}', key)

    def select(
        self,
        entity_set: EntitySet,
        where: str,
        order: str,
        limit: int,
        offset: int,
        values: Sequence[Scalar],
    ) -> list[StoredRow]:
        """Rows in `order` (an SQL list; empty means as inserted)."""
        keys = _columns(entity_set)
        sql = (
            f'SELECT {keys}, body, version, record FROM "{entity_set.name}" WHERE {where} '
            f"ORDER BY {order or 'record'} LIMIT ? OFFSET ?"
        )
        found = self._db.execute(sql, (*values, limit, offset))
        return [_stored(entity_set, row) for row in found]

    def count(self, entity_set: EntitySet, where: str, values: Sequence[Scalar]) -> int:
        sql = f'SELECT count(*) FROM "{entity_set.name}" WHERE {where}'
        return int(self._db.execute(sql, values).fetchone()[0])

    def read(self, sql: str, values: Sequence[Scalar] = ()) -> list[tuple[Scalar, ...]]:
        """Answer a query of the inspection pages."""
        return self._db.execute(sql, values).fetchall()

    def clear(self, sets: Sequence[EntitySet]) -> None:
        with self.transaction():
            for entity_set in sets:
                self._db.execute(f'DELETE FROM "{entity_set.name}"')


def _columns(entity_set: EntitySet) -> str:
    return ", ".join(f'"{name}"' for name in entity_set.keys)


def _stored(entity_set: EntitySet, row: tuple[Scalar, ...]) -> StoredRow:
    body, version, record = row[-3:]
    return StoredRow(row[:-3], str(body), int(version), _FIRST_RECORD_ID + int(record))


def _statements(entity_set: EntitySet) -> _Statements:
    table, columns = f'"{entity_set.name}"', _columns(entity_set)
    # Dynamics' database compares texts without case, keys included.
    declared = ", ".join(
        f'"{name}" ' + ("REAL" if entity_set.fields[name] in _NUMBERS else "TEXT COLLATE NOCASE")
        for name in entity_set.keys
    )
    marks = ", ".join("?" for _ in entity_set.keys)
    where = " AND ".join(f'"{name}"=?' for name in entity_set.keys)
    return _Statements(
        create=f"CREATE TABLE IF NOT EXISTS {table} (record INTEGER PRIMARY KEY, "
        f"{declared}, body TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, UNIQUE ({columns}))",
        insert=f"INSERT INTO {table} ({columns}, body) VALUES ({marks}, ?)",
        get=f"SELECT {columns}, body, version, record FROM {table} WHERE {where}",
        has=f"SELECT 1 FROM {table} WHERE {where}",
        update=f"UPDATE {table} SET body=?, version=version+1 WHERE {where}",
        delete=f"DELETE FROM {table} WHERE {where}",
    )

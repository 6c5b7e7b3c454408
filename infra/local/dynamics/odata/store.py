"""Rows of entity sets in one SQLite file, a table per set.

A row is its key as one text, its body as JSON text, and a version for ETags. With WAL and
synchronous=NORMAL a committed transaction survives the death of the process at any instant; losing
power may lose the last ones but never tears the file (SQLite, PRAGMA synchronous).
Everything here is synchronous on purpose: one transaction takes about a millisecond, nothing else
of the process can come between its statements, and so it is atomic and serial without a lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic_core import from_json, to_json

from infra.local.dynamics.odata.entities import EntitySet, Row, Scalar
from infra.local.dynamics.odata.keys import Key

_FIRST_RECORD_ID = 5637144576
"""Where record ids begin in Dynamics (see the ETags in the payload samples)."""

_LOCK_SECONDS = 2.0
"""How long to wait for the process before this one to end."""

_AFTER_ALL = "\U0010ffff"


class DuplicateKey(Exception):
    """The set already holds a row with this key."""


class StoreUnusable(Exception):
    """The file cannot be opened as a database."""


class StoredRow(NamedTuple):
    body: str
    """JSON object text of the fields that were ever set, key fields included."""
    version: int
    record_id: int

    def values(self) -> Row:
        row: Row = from_json(self.body)
        return row


class EntityStore:
    def __init__(self, path: Path | str, sets: Sequence[EntitySet]) -> None:
        """Open or create the file. Raises StoreUnusable with one sentence when that fails."""
        try:
            self._db = sqlite3.connect(
                path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            # Two simulators on one file would each answer from half of what they know.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            for entity_set in sets:
                self._db.execute(
                    f'CREATE TABLE IF NOT EXISTS "{entity_set.stored_in}" '
                    "(record INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL, "
                    "version INTEGER NOT NULL)"
                )
        except sqlite3.Error as error:
            raise StoreUnusable(f"cannot use {path} as the database: {error}") from error

    def close(self) -> None:
        self._db.close()

    def index(self, entity_set: EntitySet, expressions: str) -> None:
        """Speed up conditions on these SQL expressions over `body`, comma separated."""
        name = f"{entity_set.stored_in} {expressions}".replace('"', "")
        self._db.execute(
            f'CREATE INDEX IF NOT EXISTS "{name}" ON "{entity_set.stored_in}" ({expressions})'
        )

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
        """Raises DuplicateKey."""
        body = to_json(row).decode()
        sql = f'INSERT INTO "{entity_set.stored_in}" (key, body, version) VALUES (?, ?, 1)'
        try:
            done = self._db.execute(sql, (_text(key), body))
        except sqlite3.IntegrityError as error:
            raise DuplicateKey from error
        return StoredRow(body, 1, _FIRST_RECORD_ID + (done.lastrowid or 0))

    def get(self, entity_set: EntitySet, key: Key) -> StoredRow | None:
        sql = f'SELECT body, version, record FROM "{entity_set.stored_in}" WHERE key=?'
        found = self._db.execute(sql, (_text(key),)).fetchone()
        return None if found is None else _stored(found)

    def has(self, entity_set: EntitySet, key: Key) -> bool:
        sql = f'SELECT 1 FROM "{entity_set.stored_in}" WHERE key=?'
        return self._db.execute(sql, (_text(key),)).fetchone() is not None

    def update(self, entity_set: EntitySet, key: Key, row: Row) -> None:
        sql = f'UPDATE "{entity_set.stored_in}" SET body=?, version=version+1 WHERE key=?'
        self._db.execute(sql, (to_json(row).decode(), _text(key)))

    def delete(self, entity_set: EntitySet, key: Key) -> None:
        self._db.execute(f'DELETE FROM "{entity_set.stored_in}" WHERE key=?', (_text(key),))

    def delete_below(self, child: EntitySet, parent_key: Key) -> None:
        """Delete the rows of `child` whose key begins with the fields of `parent_key`."""
        prefix = _text(parent_key)[:-1] + ","
        sql = f'DELETE FROM "{child.stored_in}" WHERE key > ? AND key < ?'
        self._db.execute(sql, (prefix, prefix + _AFTER_ALL))

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
        sql = (
            f'SELECT body, version, record FROM "{entity_set.stored_in}" WHERE {where} '
            f"ORDER BY {order or 'record'} LIMIT ? OFFSET ?"
        )
        return [_stored(row) for row in self._db.execute(sql, (*values, limit, offset))]

    def count(self, entity_set: EntitySet, where: str, values: Sequence[Scalar]) -> int:
        sql = f'SELECT count(*) FROM "{entity_set.stored_in}" WHERE {where}'
        return int(self._db.execute(sql, values).fetchone()[0])

    def read(self, sql: str, values: Sequence[Scalar] = ()) -> list[tuple[Scalar, ...]]:
        """Answer a query of the inspection pages."""
        return self._db.execute(sql, values).fetchall()

    def clear(self, sets: Sequence[EntitySet]) -> None:
        with self.transaction():
            for entity_set in sets:
                self._db.execute(f'DELETE FROM "{entity_set.stored_in}"')


def _text(key: Key) -> str:
    """The key as one text: JSON keeps its parts apart and makes a shorter key a prefix; texts are
    compared without case, as Dynamics' database does; 1 and 1.0 are one number."""
    parts = [int(part) if type(part) is float and part.is_integer() else part for part in key]
    return to_json(parts).decode().casefold()


def _stored(row: tuple[str, int, int]) -> StoredRow:
    body, version, record = row
    return StoredRow(body, version, _FIRST_RECORD_ID + record)

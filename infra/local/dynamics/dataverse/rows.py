"""Rows of all tables in one SQLite file, with alternate keys, row versions and tombstones.

One counter numbers every write of the database, as Dataverse's rowversion does: it is the ETag, and
change tracking is a range of it. Synchronous and serial on purpose; see odata/store.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic_core import from_json, to_json

from infra.local.dynamics.odata.store import StoreUnusable

from .columns import Row, Value
from .tables import Table

_TABLES = """
CREATE TABLE IF NOT EXISTS entity (
    logical TEXT, id TEXT, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (logical, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entity_version ON entity (logical, version);
CREATE TABLE IF NOT EXISTS alternate (
    logical TEXT, name TEXT, value TEXT COLLATE NOCASE, id TEXT NOT NULL,
    PRIMARY KEY (logical, name, value)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alternate_id ON alternate (logical, id);
CREATE TABLE IF NOT EXISTS removed (
    logical TEXT, id TEXT, version INTEGER NOT NULL, PRIMARY KEY (logical, version));
CREATE TABLE IF NOT EXISTS counter (version INTEGER NOT NULL);
"""
_FIRST_VERSION = 1_000_000
_LOCK_SECONDS = 2.0


class KeyTaken(Exception):
    """A row has this value in an alternate key already; `column` says which."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class Stored(NamedTuple):
    id: str
    version: int
    row: Row


class Removed(NamedTuple):
    id: str
    version: int


class Rows:
    def __init__(self, path: Path | str) -> None:
        """Open or create the file. Raises StoreUnusable."""
        try:
            self._db = sqlite3.connect(
                path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
            found = self._db.execute("SELECT version FROM counter").fetchone()
            if found is None:
                self._db.execute("INSERT INTO counter VALUES (?)", (_FIRST_VERSION,))
        except sqlite3.Error as error:
            raise StoreUnusable(f"cannot use {path} as the database: {error}") from error
        self._version: int = found[0] if found else _FIRST_VERSION

    def close(self) -> None:
        self._db.close()

    @property
    def version(self) -> int:
        """Of the last write."""
        return self._version

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; must not be held across an await. On return it is durable."""
        before = self._version
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("UPDATE counter SET version=?", (self._version,))
        except BaseException:
            self._db.execute("ROLLBACK")
            self._version = before
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def part(self) -> Iterator[None]:
        """All or nothing inside a transaction."""
        before = self._version
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            self._version = before
            raise
        finally:
            self._db.execute("RELEASE part")

    def get(self, table: Table, identifier: str) -> Stored | None:
        found = self._db.execute(
            "SELECT id, version, body FROM entity WHERE logical=? AND id=?",
            (table.logical, identifier),
        ).fetchone()
        return None if found is None else _stored(found)

    def find(self, table: Table, column: str, value: str) -> str | None:
        """The id of the row with this value in an alternate key."""
        found = self._db.execute(
            "SELECT id FROM alternate WHERE logical=? AND name=? AND value=?",
            (table.logical, column, value),
        ).fetchone()
        return None if found is None else str(found[0])

    def put(self, table: Table, identifier: str, row: Row) -> Stored:
        """Add or replace it under a new version. Raises KeyTaken."""
        for column in table.keys:
            self._hold(table, column, row.get(column), identifier)
        self._version += 1
        self._db.execute(
            "INSERT INTO entity VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET version=excluded.version, body=excluded.body",
            (table.logical, identifier, self._version, to_json(row).decode()),
        )
        return Stored(identifier, self._version, row)

    def _hold(self, table: Table, column: str, value: Value, identifier: str) -> None:
        holder = None if value is None else self.find(table, column, str(value))
        if holder == identifier:
            return
        if holder is not None:
            raise KeyTaken(column)
        self._db.execute(
            "DELETE FROM alternate WHERE logical=? AND name=? AND id=?",
            (table.logical, column, identifier),
        )
        if value is not None:
            self._db.execute(
                "INSERT INTO alternate VALUES (?, ?, ?, ?)",
                (table.logical, column, str(value), identifier),
            )

    def delete(self, table: Table, identifier: str) -> None:
        self._version += 1
        key = (table.logical, identifier)
        self._db.execute("DELETE FROM entity WHERE logical=? AND id=?", key)
        self._db.execute("DELETE FROM alternate WHERE logical=? AND id=?", key)
        self._db.execute("INSERT INTO removed VALUES (?, ?, ?)", (*key, self._version))

    def select(
        self, table: Table, where: str, order: str, limit: int, offset: int, values: Sequence[Value]
    ) -> list[Stored]:
        """Rows in `order` (an SQL list)."""
        sql = (
            f"SELECT id, version, body FROM entity WHERE logical=? AND {where} "
            f"ORDER BY {order} LIMIT ? OFFSET ?"
        )
        found = self._db.execute(sql, (table.logical, *values, limit, offset))
        return [_stored(each) for each in found]

    def value(self, table: Table, expression: str, where: str, values: Sequence[Value]) -> Value:
        """One aggregate over the rows of a condition."""
        sql = f"SELECT {expression} FROM entity WHERE logical=? AND {where}"
        found: Value = self._db.execute(sql, (table.logical, *values)).fetchone()[0]
        return found

    def changes(
        self, table: Table, after: int, upto: int, limit: int, *, removals: bool
    ) -> list[Stored | Removed]:
        """Writes with a version in that range, in order; a row shows with its last one only."""
        bounds = (table.logical, after, upto, limit)
        where = "WHERE logical=? AND version>? AND version<=? ORDER BY version LIMIT ?"
        rows = self._db.execute(f"SELECT id, version, body FROM entity {where}", bounds)
        found: list[Stored | Removed] = [_stored(each) for each in rows]
        if removals:
            come_back = "SELECT 1 FROM entity WHERE logical=removed.logical AND id=removed.id"
            condition = where.replace("ORDER", f"AND NOT EXISTS ({come_back}) ORDER")
            gone = self._db.execute(f"SELECT id, version FROM removed {condition}", bounds)
            found += [Removed(*each) for each in gone]
        return sorted(found, key=lambda each: each.version)[:limit]

    def counts(self) -> Mapping[str, int]:
        """Rows by logical name."""
        sql = "SELECT logical, count(*) FROM entity GROUP BY logical"
        return dict(self._db.execute(sql).fetchall())

    def clear(self) -> None:
        """Forget every row; versions go on."""
        with self.transaction():
            for name in ("entity", "alternate", "removed"):
                self._db.execute(f"DELETE FROM {name}")


def _stored(found: tuple[str, int, str]) -> Stored:
    identifier, version, body = found
    row: Row = from_json(body)
    return Stored(identifier, version, row)

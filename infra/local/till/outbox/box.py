"""The outbox: facts in the order they happened, encrypted, on disk before `put` returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from infra.local.till.traced import traced_event
from shared.clock import Clock, utc_now
from shared.events import Event, Fact, decode, encode

_BUSY_SECONDS = 5.0

REMEMBERED = timedelta(days=14)
"""How long the ids of facts are kept that the bus has: what is put again meanwhile is not sent
again. It would do no harm, only work."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL,
    added_at TEXT NOT NULL,
    refused TEXT
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (number) WHERE refused IS NULL;
CREATE TABLE IF NOT EXISTS sent (
    event_id TEXT PRIMARY KEY,
    sent_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sent_since ON sent (sent_at);
"""


class OutboxFull(Exception):
    """The disk, or the most facts the outbox may hold, is used up; nothing was kept of the call."""


class OutboxDamaged(Exception):
    """The file is no outbox, its content was changed, or the key is another one."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One fact that the bus has not confirmed; `number` counts in the order of `put`."""

    number: int
    event: Event[Fact]


@dataclass(frozen=True, slots=True)
class Status:
    """How far the upload is: `oldest` (aware UTC) is when the first of the waiting was put."""

    waiting: int
    refused: int
    oldest: datetime | None


class Outbox:
    """One file per terminal; one process at a time writes it.

    Facts are encrypted with Fernet (AES-128-CBC and HMAC-SHA256); only event ids and times can be
    read without the key. A fact that is put twice is kept, and sent, once. What is confirmed is
    deleted and overwritten on disk (SQLite: secure_delete).
    """

    def __init__(
        self, database: sqlite3.Connection, cipher: MultiFernet, clock: Clock, most: int
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._most = most
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    def open(
        cls,
        path: Path,
        key: bytes,
        *,
        old_keys: Sequence[bytes] = (),
        clock: Clock = utc_now,
        most: int = 1_000_000,
    ) -> Outbox:
        """Open or create the file. `key` is a Fernet key (`Outbox.new_key()`), to be kept where the
        till keeps secrets; `old_keys` still open what was put under them. `most` is how many facts
        may wait.

        Raises OutboxDamaged, and ValueError for a key that is none.
        """
        cipher = MultiFernet([Fernet(each) for each in (key, *old_keys)])
        try:
            database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            # FULL: what put() returned for survives a power cut, not only a crash.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                database.execute(f"PRAGMA {pragma}")
            database.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise OutboxDamaged(f"{path} cannot be used as an outbox: {error}") from error
        return cls(database, cipher, clock, most)

    @staticmethod
    def new_key() -> bytes:
        """Return a key to keep safe: without it nobody reads the outbox, its owner included."""
        return Fernet.generate_key()

    def put(self, *facts: Fact, source: str = "") -> list[UUID]:
        """Keep the facts in this order, all or none; on disk once it returns. Returns their ids.

        Raises OutboxFull.
        """
        added_at = self._clock().isoformat()
        with ExitStack() as spans:
            events = [traced_event(fact, self._clock, spans, source) for fact in facts]
        rows = [(str(event.id), self._cipher.encrypt(encode(event)), added_at) for event in events]
        with self._transaction():
            held = self._database.execute("SELECT count(*) FROM outbox").fetchone()[0]
            if held + len(rows) > self._most:
                raise OutboxFull(f"{held} facts wait, at most {self._most} may")
            self._database.executemany(
                "INSERT OR IGNORE INTO outbox (event_id, body, added_at) SELECT ?1, ?2, ?3 "
                "WHERE NOT EXISTS (SELECT 1 FROM sent WHERE event_id = ?1)",
                rows,
            )
        for told in self._listeners:
            told()
        return [event.id for event in events]

    def waiting(self, most: int) -> list[Waiting]:
        """Return the first facts that wait, oldest first. Raises OutboxDamaged."""
        rows = self._database.execute(
            "SELECT number, body FROM outbox WHERE refused IS NULL ORDER BY number LIMIT ?", (most,)
        )
        return [Waiting(number, self._read(number, body)) for number, body in rows]

    def confirmed(self, numbers: Iterable[int]) -> None:
        """Forget them but for their ids: the bus has them."""
        now = self._clock()
        those = [(number,) for number in numbers]
        with self._transaction():
            self._database.executemany(
                "INSERT OR IGNORE INTO sent SELECT event_id, ?2 FROM outbox WHERE number = ?1",
                [(number, now.isoformat()) for (number,) in those],
            )
            self._database.executemany("DELETE FROM outbox WHERE number = ?", those)
            self._database.execute(
                "DELETE FROM sent WHERE sent_at < ?", ((now - REMEMBERED).isoformat(),)
            )

    def refuse(self, number: int, why: str) -> None:
        """Put one aside that the bus will never take; the others go on, and `refused` tells it."""
        with self._transaction():
            self._database.execute("UPDATE outbox SET refused = ? WHERE number = ?", (why, number))

    def refused(self) -> list[tuple[Waiting, str]]:
        """Return what was put aside, with the reason. Raises OutboxDamaged."""
        rows = self._database.execute(
            "SELECT number, body, refused FROM outbox WHERE refused IS NOT NULL ORDER BY number"
        )
        return [(Waiting(number, self._read(number, body)), why) for number, body, why in rows]

    def status(self) -> Status:
        """Return how much waits."""
        waiting, oldest = self._database.execute(
            "SELECT count(*), min(added_at) FROM outbox WHERE refused IS NULL"
        ).fetchone()
        (refused,) = self._database.execute(
            "SELECT count(*) FROM outbox WHERE refused IS NOT NULL"
        ).fetchone()
        since = datetime.fromisoformat(oldest).astimezone(UTC) if oldest else None
        return Status(waiting, refused, since)

    def when_put(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every `put`, in the thread of whoever puts."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the file; what waits goes on waiting in it."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, number: int, body: bytes) -> Event[Fact]:
        try:
            return decode(self._cipher.decrypt(body))
        except (InvalidToken, ValueError) as error:
            raise OutboxDamaged(
                f"fact {number} cannot be read: the key is another one, or the file was changed"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OutboxFull(f"the outbox cannot be written: {error}") from error
        except sqlite3.DatabaseError as error:
            raise OutboxDamaged(f"the outbox cannot be used: {error}") from error

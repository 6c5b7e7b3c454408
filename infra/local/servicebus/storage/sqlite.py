"""Storage in one SQLite file with group commit.

One thread owns the connection. Callers append their changes and wait; the thread takes everything
that has gathered, writes it in one transaction and wakes all who waited: the more callers, the
fewer transactions. What came and went within one group is never written.

The journal is in WAL mode, so an acknowledged change survives a killed process at any instant. With
`survive_power_loss` (synchronous=FULL, the default) each group is also flushed to the disk itself:
one fsync per group, not per message. Without it (NORMAL) a power cut may take the last moments, but
never damages the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from infra.local.servicebus.broker.changes import Change
from infra.local.servicebus.storage import tables
from infra.local.servicebus.storage.group import Writer
from infra.local.servicebus.storage.protocol import StorageError

T = TypeVar("T")
Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]

_DAMAGED = "The file is damaged: restore it from a backup, or move it away to start empty"
_ADVICE = {
    sqlite3.SQLITE_BUSY: "Another process has it open",
    sqlite3.SQLITE_FULL: "Make room on its disk; until then nothing is acknowledged",
    sqlite3.SQLITE_IOERR: "See to its disk; until then nothing is acknowledged",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
"""What to do, by SQLite's primary result code."""
_PRIMARY = 0xFF

_SYNCHRONOUS = {True: "FULL", False: "NORMAL"}
_BUSY_SECONDS = 1.0  # how long another process may hold the file before that is an error


class SqliteStorage:
    """Opens the file or creates it with its folders. Raises StorageError when it is damaged, in use
    by another process, not writable or something else's."""

    def __init__(self, path: Path, *, survive_power_loss: bool = True) -> None:
        self._path = path
        self._pending: list[Change] = []
        self._waiters: list[Waiter] = []
        self._closing = False
        self._wanted = threading.Condition()
        self._connection = self._guarded("open", partial(self._open, survive_power_loss))
        self._writer = threading.Thread(target=self._write_groups, name=f"write {path}")
        self._writer.daemon = True
        self._writer.start()

    def _open(self, survive_power_loss: bool) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )
        try:
            # One process per file: a second one would deliver the same messages again.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[survive_power_loss]}")
            tables.create(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def load(self) -> Iterable[Change]:
        """See Storage.load."""
        try:
            yield from tables.load(self._connection)
        except sqlite3.Error as error:
            raise self._failure("read", error) from error
        except (ValueError, LookupError) as error:
            raise self._failure("read", error, _DAMAGED) from error

    async def commit(self, changes: Sequence[Change]) -> None:
        """See Storage.commit."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        with self._wanted:
            if self._closing:
                raise StorageError(f"The message store {self._path} is closed.")
            self._pending.extend(changes)
            self._waiters.append((loop, written))
            self._wanted.notify()
        await written

    async def aclose(self) -> None:
        """See Storage.aclose; safe to call twice."""
        with self._wanted:
            self._closing = True
            self._wanted.notify()
        await asyncio.to_thread(self._writer.join)
        self._connection.close()

    def _write_groups(self) -> None:
        writer = Writer(self._connection)
        unwritten: list[Change] = []
        while True:
            with self._wanted:
                while not self._waiters and not self._closing:
                    self._wanted.wait()
                if not self._waiters:
                    return
                unwritten += self._pending
                waiters, self._pending, self._waiters = self._waiters, [], []
            failure: StorageError | None = None
            try:
                self._guarded("write", partial(writer.write, unwritten))
                unwritten = []
            except StorageError as error:
                # The changes stay: the broker's memory has them, so the file must get them too.
                failure = error
            _answer(waiters, failure)

    def _guarded(self, verb: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            raise self._failure(verb, error) from error

    def _failure(self, verb: str, error: Exception, advice: str | None = None) -> StorageError:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if isinstance(error, UnicodeDecodeError):
            advice = _DAMAGED
        advice = advice or _ADVICE.get(code)
        told = f"Cannot {verb} the message store {self._path}: {error}."
        return StorageError(f"{told} {advice}." if advice else told)


def _answer(waiters: list[Waiter], failure: StorageError | None) -> None:
    """Wake the waiters, one call into each event loop however many wait there."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for loop, waiter in waiters:
        by_loop.setdefault(loop, []).append(waiter)
    for loop, waiting in by_loop.items():
        # A loop that has ended since has nobody left to tell.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiting, failure)


def _resolve(waiting: list[asyncio.Future[None]], failure: StorageError | None) -> None:
    for waiter in waiting:
        if waiter.done():
            continue
        if failure is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(failure)

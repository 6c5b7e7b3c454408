"""One engine per store: how each database is connected to, and what its errors mean to us."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import URL, Connection, event, exc, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.store.errors import StoreSettingsWrong, StoreUnavailable

_BUSY_TIMEOUT_MS = 15_000
"""How long a SQLite writer waits for another process's transaction before it gives up."""

_POSTGRESQL_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
"""What a token must be for (Azure Database for PostgreSQL: Microsoft Entra authentication)."""

_ROLE = "role"
"""URL parameter for PostgreSQL: the role taken on after signing in, which then owns the tables.

Services that sign in as identities of their own share them only if a role they all belong to does.
"""

_LOCAL_HOSTS = {None, "", "localhost", "127.0.0.1", "::1"}


class Database:
    """An engine with two kinds of transaction, whose failures arrive as `StoreError`s."""

    def __init__(self, url: str | URL) -> None:
        parsed = _parse(url)
        make = _ENGINES.get(parsed.drivername)
        if make is None:
            raise StoreSettingsWrong(
                f"STORE_URL must start with one of {', '.join(sorted(_ENGINES))}; "
                f"it starts with {parsed.drivername!r}"
            )
        self.engine = make(parsed)
        # SQLite cannot turn a reader into a writer while another process writes, however long it
        # waits; a transaction that will write says so from its start.
        self._writer = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._reader = self.engine
        self._turn: AbstractAsyncContextManager[object] = nullcontext()
        if parsed.get_backend_name() == "sqlite":
            self._turn = _turn_to_write(str(parsed.database))
        if parsed.get_backend_name() == "postgresql":  # SQLite's readers have one snapshot anyway
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction in which every query sees the database at one moment."""
        with _errors_translated():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction that is committed when the block ends and rolled back if it raises."""
        with _errors_translated():
            async with self._turn, self._writer.begin() as connection:
                yield connection

    async def aclose(self) -> None:
        await self.engine.dispose()


class _errors_translated:  # noqa: N801 - used as a statement
    """Turn what the driver raises into what a caller can act on; everything else passes."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case exc.IntegrityError() | exc.ProgrammingError() | exc.DataError():
                return  # our bug, not the database's state
            case exc.DBAPIError() | exc.TimeoutError():
                raise StoreUnavailable(
                    f"the store is not available: {_first_line(error)}"
                ) from error
            case OSError() | TimeoutError():
                raise StoreUnavailable(f"the store cannot be reached: {error}") from error


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return (str(original).splitlines() or [type(original).__name__])[0]


def _parse(url: str | URL) -> URL:
    try:
        return make_url(url)
    except exc.ArgumentError as error:
        raise StoreSettingsWrong("STORE_URL is not a database URL") from error


_turns: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()


def _turn_to_write(path: str) -> asyncio.Lock:
    """Return the lock that all writers of a file share within this process.

    SQLite makes waiting writers sleep and try again, and lets whoever comes first by luck go on:
    with busy neighbours a write of 20 ms then takes a second. Taking turns here is fair.
    """
    return _turns.setdefault(Path(path).resolve(), asyncio.Lock())


def _sqlite_engine(url: URL) -> AsyncEngine:
    if not url.database or url.database == ":memory:":
        raise StoreSettingsWrong("STORE_URL must name a file: sqlite+aiosqlite:///folder/store.db")
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreSettingsWrong(
            f"STORE_URL names a folder that cannot be made: {error}"
        ) from error
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # None: the driver must not begin transactions of its own, `_begin_sqlite` does (SQLAlchemy:
    # SQLite, transactions). synchronous stays FULL: a committed fact outlives a power cut.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    connection.exec_driver_sql(begin)


def _postgresql_engine(url: URL) -> AsyncEngine:
    arguments: dict[str, object] = {}
    role = url.query.get(_ROLE)
    if role:
        arguments["server_settings"] = {"role": role}
    if url.password is None and url.host not in _LOCAL_HOSTS:
        import ssl

        arguments |= {"password": _identity_token(), "ssl": ssl.create_default_context()}
    return create_async_engine(
        url.difference_update_query([_ROLE]),
        connect_args=arguments,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=5,
    )


def _identity_token() -> Callable[[], Awaitable[str]]:
    """Return what asyncpg asks for a password at each new connection: a token of our identity.

    Tokens live about an hour and are cached by azure-identity; connections outlive them.
    """
    from azure.identity.aio import DefaultAzureCredential

    credential = DefaultAzureCredential(
        managed_identity_client_id=os.environ.get("AZURE_CLIENT_ID")
    )

    async def token() -> str:
        return (await credential.get_token(_POSTGRESQL_SCOPE)).token

    return token


_ENGINES: dict[str, Callable[[URL], AsyncEngine]] = {
    "sqlite+aiosqlite": _sqlite_engine,
    "postgresql+asyncpg": _postgresql_engine,
}

"""Bring a database to the schema of `schema.py`, safely while others do the same.

The usual case, a database already there, costs one query and does not import Alembic. A database
that is newer than this code is left alone: services are deployed one by one, so migrations only add
what older code can ignore, and remove only what no deployed service uses any more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, exc, text

from shared.store.database import Database
from shared.store.errors import StoreUnavailable
from shared.store.schema import HEAD

_log = logging.getLogger("tillbus.store")

_ADVISORY_LOCK = 0x7469_6C6C  # "till": the one PostgreSQL lock key this schema's upgrade uses
_WAL_SECONDS = 15.0
"""How long to wait for other processes while the database file is switched to its journal."""


async def upgrade(database: Database) -> bool:
    """Apply the migrations that are missing; return whether there were any."""
    async with database.reading() as connection:
        if await connection.run_sync(_is_current):
            return False
    if database.engine.dialect.name == "sqlite":
        await asyncio.to_thread(_switch_to_wal, str(database.engine.url.database))
    async with database.writing() as connection:
        return await connection.run_sync(_upgrade_alone)


def _is_current(connection: Connection) -> bool:
    version = _version(connection)
    if version is not None and version > HEAD:
        _log.warning("The store's schema is %s, newer than this code's %s", version, HEAD)
    return version is not None and version >= HEAD


def _version(connection: Connection) -> str | None:
    try:
        with connection.begin_nested():
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except (exc.OperationalError, exc.ProgrammingError) as error:
        if "alembic_version" not in str(error.orig):
            raise
        return None
    return None if found is None else str(found)


def _upgrade_alone(connection: Connection) -> bool:
    """Run in a writing transaction: SQLite lets only one in, PostgreSQL is asked to do the same."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if _is_current(connection):
        return False
    # Its plugins announce themselves at INFO; what matters is told below, in one line.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _log.info("The store's schema was brought up to %s", HEAD)
    return True


def _switch_to_wal(path: str) -> None:
    """Let readers and a writer work at once; the file remembers it.

    The switch needs the file for itself and does not honour the busy timeout, hence the patience.
    """
    deadline = time.monotonic() + _WAL_SECONDS
    while True:
        connection = sqlite3.connect(path, timeout=_WAL_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"the store is not available: {error}") from error
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()

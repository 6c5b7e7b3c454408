"""The store as services see it: opened once per worker, closed with it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.store.inbox import Inbox
from shared.store.ledger import Ledger
from shared.store.notes import Notes

if TYPE_CHECKING:
    from shared.store.database import Database


class Store:
    """Durable state on SQLite (`sqlite+aiosqlite:///file`) or PostgreSQL (`postgresql+asyncpg://…`).

    `store = await Store.open(url, clock)` with `await store.aclose()`, or
    `async with await Store.open(url, clock) as store:`.
    """

    def __init__(self, database: Database, inbox: Inbox, ledger: Ledger, notes: Notes) -> None:
        self._database = database
        self.inbox = inbox
        self.ledger = ledger
        self.notes = notes

    @classmethod
    async def open(cls, url: str, clock: Clock) -> Store:
        """Connect, and bring the schema up to date if it is not; many processes may do so at once.

        Raises `StoreSettingsWrong` for a URL nothing can be done with, `StoreUnavailable` when the
        database does not answer.
        """
        # SQLAlchemy costs a worker's start a quarter of a second; indexing needs none of it.
        from shared.store.database import Database
        from shared.store.sql_inbox import SqlInbox
        from shared.store.sql_ledger import SqlLedger
        from shared.store.sql_notes import SqlNotes
        from shared.store.upgrade import upgrade

        database = Database(url)
        try:
            await upgrade(database)
        except BaseException:
            await database.aclose()
            raise
        return cls(database, SqlInbox(database, clock), SqlLedger(database), SqlNotes(database))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._database.aclose()

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

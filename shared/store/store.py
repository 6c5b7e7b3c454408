"""The store as services see it: opened once per worker, closed with it."""

from __future__ import annotations

from types import TracebackType

from shared.clock import Clock
from shared.store.database import Database
from shared.store.inbox import Inbox
from shared.store.ledger import Ledger
from shared.store.sql_inbox import SqlInbox
from shared.store.sql_ledger import SqlLedger
from shared.store.upgrade import upgrade


class Store:
    """Durable state on SQLite (`sqlite+aiosqlite:///file`) or PostgreSQL (`postgresql+asyncpg://…`).

    `store = await Store.open(url, clock)` with `await store.aclose()`, or
    `async with await Store.open(url, clock) as store:`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.inbox: Inbox = SqlInbox(database, clock)
        self.ledger: Ledger = SqlLedger(database)

    @classmethod
    async def open(cls, url: str, clock: Clock) -> Store:
        """Connect, and bring the schema up to date if it is not; many processes may do so at once.

        Raises `StoreSettingsWrong` for a URL nothing can be done with, `StoreUnavailable` when the
        database does not answer.
        """
        database = Database(url)
        try:
            await upgrade(database)
        except BaseException:
            await database.aclose()
            raise
        return cls(database, clock)

    async def aclose(self) -> None:
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

"""The store as services see it: opened once per worker, closed with it."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.events import Effect
from shared.store.archive import Archive
from shared.store.audit import Audit
from shared.store.certificates import Certificates
from shared.store.inbox import Inbox
from shared.store.ledger import Ledger
from shared.store.notes import Notes
from shared.store.parking import Parking
from shared.store.records import Records
from shared.store.retention import Forgotten

if TYPE_CHECKING:
    from shared.store.database import Database


class Store:
    """Durable state on SQLite (`sqlite+aiosqlite:///file`) or PostgreSQL (`postgresql+asyncpg://…`).

    `store = await Store.open(url, clock)` with `await store.aclose()`, or
    `async with await Store.open(url, clock) as store:`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        from shared.store.sql_archive import SqlArchive
        from shared.store.sql_audit import SqlAudit
        from shared.store.sql_certificates import SqlCertificates
        from shared.store.sql_ledger import SqlLedger
        from shared.store.sql_notes import SqlNotes
        from shared.store.sql_parking import SqlParking
        from shared.store.sql_records import SqlRecords

        self._database = database
        self._clock = clock
        self.archive: Archive = SqlArchive(database)
        self.audit: Audit = SqlAudit(database)
        self.certificates: Certificates = SqlCertificates(database)
        self.ledger: Ledger = SqlLedger(database)
        self.notes: Notes = SqlNotes(database)
        self.parking: Parking = SqlParking(database)
        self.records: Records = SqlRecords(database)

    def inbox(self, effect: Effect) -> Inbox:
        """Return the inbox of one effect."""
        from shared.store.sql_inbox import SqlInbox

        return SqlInbox(self._database, self._clock, effect)

    async def forget_before(self, *, archived: datetime, recorded: datetime) -> Forgotten:
        """Forget facts archived and results recorded before these moments; return how many.

        `RetentionSettings` computes them. Certificates and the audit log are never forgotten.
        Raises `StoreUnavailable`; what was forgotten by then stays so.
        """
        from shared.store.schema import archive, archive_persons, inbox
        from shared.store.sql_retention import forget_before

        facts = await forget_before(
            self._database, archive, archive.c.archived_at, archived, [archive_persons]
        )
        results = await forget_before(self._database, inbox, inbox.c.recorded_at, recorded)
        return Forgotten(facts, results)

    @classmethod
    async def open(cls, url: str, clock: Clock) -> Store:
        """Connect, and bring the schema up to date if it is not; many processes may do so at once.

        Raises `StoreSettingsWrong` for a URL nothing can be done with, `StoreUnavailable` when the
        database does not answer.
        """
        # SQLAlchemy costs a worker's start a quarter of a second; indexing needs none of it.
        from shared.store.database import Database
        from shared.store.upgrade import upgrade

        database = Database(url)
        try:
            await upgrade(database)
        except BaseException:
            await database.aclose()
            raise
        return cls(database, clock)

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

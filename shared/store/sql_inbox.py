"""The inbox in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import Clock
from shared.events import DocumentRef
from shared.store.bulk import in_chunks, insert_missing
from shared.store.database import Database
from shared.store.inbox import Inbox, InboxResult
from shared.store.schema import inbox


class SqlInbox(Inbox):
    """Two statements to record a batch, one to look it up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def results(self, fact_ids: Sequence[UUID]) -> dict[UUID, InboxResult]:
        if not fact_ids:
            return {}
        async with self._database.reading() as connection:
            return await _select(connection, fact_ids)

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        if not results:
            return {}
        recorded_at = self._clock()
        async with self._database.writing() as connection:
            await insert_missing(
                connection,
                inbox,
                [_to_row(each) | {"recorded_at": recorded_at} for each in results],
            )
            return await _select(connection, [each.fact_id for each in results])


async def _select(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, InboxResult]:
    found: dict[UUID, InboxResult] = {}
    for chunk in in_chunks(ids):
        for row in await connection.execute(select(inbox).where(inbox.c.fact_id.in_(chunk))):
            found[row.fact_id] = _from_row(row)
    return found


def _to_row(result: InboxResult) -> dict[str, object]:
    return {
        "fact_id": result.fact_id,
        "fact_type": result.fact_type,
        "natural_key": result.key,
        "document_system": result.document.system,
        "document_company": result.document.company,
        "document_entity_set": result.document.entity_set,
        "document_key": result.document.key,
        "amount": result.amount,
        "currency": result.currency,
        "posted_at": result.posted_at,
        "already_there": result.already_there,
    }


def _from_row(row: Row[Any]) -> InboxResult:
    return InboxResult(
        fact_id=row.fact_id,
        fact_type=row.fact_type,
        key=row.natural_key,
        document=DocumentRef(
            system=row.document_system,
            company=row.document_company,
            entity_set=row.document_entity_set,
            key=row.document_key,
        ),
        amount=row.amount,
        currency=row.currency,
        posted_at=row.posted_at,
        already_there=row.already_there,
    )

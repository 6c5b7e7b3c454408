"""The inbox in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import Clock
from shared.events import DocumentRef, Effect
from shared.store.bulk import in_chunks, insert_new
from shared.store.database import Database
from shared.store.inbox import Inbox, InboxResult, booking_act
from shared.store.schema import inbox
from shared.store.sql_audit import append


class SqlInbox(Inbox):
    """One statement to look a batch up; as many to record one as it takes with the audit log's.

    What is recorded for the first time, the usual case, is not read back: it is what was given.
    """

    def __init__(self, database: Database, clock: Clock, effect: Effect) -> None:
        self._database = database
        self._clock = clock
        self._effect = effect

    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        wanted = list(fact_ids)
        if not wanted:
            return {}
        async with self._database.reading() as connection:
            return await _select(connection, self._effect, wanted)

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        if not results:
            return {}
        now = self._clock()
        given: dict[UUID, InboxResult] = {}
        for each in results:
            given.setdefault(each.fact_id, each)
        rows = [self._to_row(each) | {"recorded_at": now} for each in given.values()]
        async with self._database.writing() as connection:
            new = await insert_new(connection, inbox, rows)
            added = {
                fact_id: each for fact_id, each in given.items() if (self._effect, fact_id) in new
            }
            others = [fact_id for fact_id in given if fact_id not in added]
            stored = await _select(connection, self._effect, others) if others else {}
            acts = [booking_act(each, now) for each in added.values()]
            await append(connection, self._effect, acts)
        return added | stored

    async def forget_content(self, fact_ids: Iterable[UUID]) -> None:
        wanted = sorted(set(fact_ids))
        if wanted:
            one = (
                update(inbox)
                .where(inbox.c.effect == self._effect, inbox.c.fact_id == bindparam("of_fact"))
                .values(digest="")
            )
            async with self._database.writing() as connection:
                await connection.execute(one, [{"of_fact": fact_id} for fact_id in wanted])

    def _to_row(self, result: InboxResult) -> dict[str, object]:
        if result.effect != self._effect:
            raise ValueError(f"{result.effect} of {result.key} is not for the {self._effect} inbox")
        return _row(result)


async def _select(
    connection: AsyncConnection, effect: Effect, ids: Sequence[UUID]
) -> dict[UUID, InboxResult]:
    found: dict[UUID, InboxResult] = {}
    for chunk in in_chunks(ids):
        wanted = select(inbox).where(inbox.c.effect == effect, inbox.c.fact_id.in_(chunk))
        for row in await connection.execute(wanted):
            found[row.fact_id] = _from_row(row)
    return found


def _row(result: InboxResult) -> dict[str, object]:
    return {
        "effect": result.effect,
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
        "digest": result.digest,
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
        effect=row.effect,
        digest=row.digest,
    )

"""Parked facts in a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)

from shared.store.bulk import in_chunks, insert_or_replace
from shared.store.database import Database
from shared.store.parking import ParkedFact, ParkedKey, ParkedStay, Parking
from shared.store.schema import parked

_IDENTITY = and_(
    parked.c.subscription == bindparam("of_subscription"), parked.c.fact_id == bindparam("of_fact")
)
_STAY = and_(_IDENTITY, parked.c.times == bindparam("of_times"))
_TRIED = and_(_IDENTITY, parked.c.releases == bindparam("of_releases"))
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Released is what was so after it: for a mere IS NOT NULL SQLite would read the whole table."""

_LONGEST_PARKED_FIRST = (parked.c.parked_at, parked.c.subscription, parked.c.fact_id)


class SqlParking(Parking):
    """One short transaction per call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def park(self, facts: Sequence[ParkedFact]) -> None:
        if not facts:
            return
        tried = [_named(*fact.identity) | {"of_releases": fact.releases} for fact in facts]
        async with self._database.writing() as connection:
            await connection.execute(
                update(parked).where(_TRIED).values(released_at=None),
                sorted(tried, key=_lock_order),
            )
            await insert_or_replace(
                connection,
                parked,
                [_row(fact) for fact in _merged(facts)],
                keep=("parked_at", "released_at", "releases"),
                least=("deadline",),
            )

    async def release(
        self,
        keys: Iterable[str],
        now: datetime,
        *,
        most: int | None = None,
        subscriptions: Iterable[str] | None = None,
    ) -> int:
        of = _of(subscriptions)
        # Usually nothing waits, and then nobody's turn to write is taken.
        waiting = await self._known_of(sorted(set(keys)), of)
        if not waiting:
            return 0
        released = 0
        released_now = {"released_at": now, "releases": parked.c.releases + 1}
        async with self._database.writing() as connection:
            for key in waiting:
                mark = update(parked).where(_waiting(key, of, most)).values(released_now)
                released += (await connection.execute(mark)).rowcount
        return released

    async def _known_of(self, keys: Sequence[str], of: ColumnElement[bool]) -> list[str]:
        if not keys:
            return []
        found: list[str] = []
        async with self._database.reading() as connection:
            for chunk in in_chunks(keys):
                rows = (
                    select(parked.c.key)
                    .where(parked.c.key.in_(chunk), of)
                    .distinct()
                    .order_by(parked.c.key)
                )
                found += await connection.scalars(rows)
        return found

    async def due(
        self,
        now: datetime,
        limit: int,
        subscriptions: Iterable[str] | None = None,
        *,
        lost: datetime | None = None,
    ) -> list[ParkedFact]:
        at_hand = parked.c.sent_at.is_(None)
        wanted = (
            select(parked)
            .where(
                or_(
                    and_(parked.c.released_at >= _EVER, at_hand),
                    and_(parked.c.deadline <= now, at_hand),
                    parked.c.sent_at <= (lost or _EVER),
                ),
                _of(subscriptions),
            )
            .order_by(*_LONGEST_PARKED_FIRST)
            .limit(limit)
        )
        return await self._facts(wanted)

    async def sent(self, stays: Iterable[ParkedStay], now: datetime) -> None:
        await self._of_each(stays, update(parked).where(_STAY).values(sent_at=now))

    async def forget(self, stays: Iterable[ParkedStay]) -> None:
        await self._of_each(stays, delete(parked).where(_STAY))

    async def _of_each(self, stays: Iterable[ParkedStay], change: Update | Delete) -> None:
        rows = [
            _named(stay.subscription, stay.fact_id) | {"of_times": stay.times} for stay in stays
        ]
        if rows:
            async with self._database.writing() as connection:
                await connection.execute(change, sorted(rows, key=_lock_order))

    async def redact(self, bodies: Mapping[tuple[str, UUID], bytes]) -> None:
        if not bodies:
            return
        rows = [_named(*identity) | {"new_body": bodies[identity]} for identity in bodies]
        one = update(parked).where(_IDENTITY).values(body=bindparam("new_body"))
        async with self._database.writing() as connection:
            await connection.execute(one, sorted(rows, key=_lock_order))

    async def waiting(self, subscriptions: Iterable[str] | None = None) -> list[ParkedKey]:
        group, longest = (parked.c.subscription, parked.c.key), _LONGEST_PARKED_FIRST
        numbered = (
            select(
                parked.c.subscription,
                parked.c.key,
                parked.c.missing,
                func.count().over(partition_by=group).label("facts"),
                func.min(parked.c.parked_at).over(partition_by=group).label("oldest"),
                func.min(parked.c.deadline).over(partition_by=group).label("deadline"),
                func.row_number().over(partition_by=group, order_by=longest).label("number"),
            )
            .where(_of(subscriptions))
            .subquery()
        )
        firsts = (
            select(numbered)
            .where(numbered.c.number == 1)
            .order_by(numbered.c.subscription, numbered.c.key)
        )
        async with self._database.reading() as connection:
            return [_key(row) for row in await connection.execute(firsts)]

    async def facts(
        self, *, key: str | None = None, after: ParkedFact | None = None, limit: int = 1000
    ) -> list[ParkedFact]:
        wanted = select(parked).order_by(*_LONGEST_PARKED_FIRST).limit(limit)
        if key is not None:
            wanted = wanted.where(parked.c.key == key)
        if after is not None:
            wanted = wanted.where(tuple_(*_LONGEST_PARKED_FIRST) > _position(after))
        return await self._facts(wanted)

    async def _facts(self, wanted: Select[Any]) -> list[ParkedFact]:
        async with self._database.reading() as connection:
            return [_fact(row) for row in await connection.execute(wanted)]


def _named(subscription: str, fact_id: UUID) -> dict[str, object]:
    return {"of_subscription": subscription, "of_fact": fact_id}


def _lock_order(row: Mapping[str, object]) -> tuple[str, str]:
    """Two writers of overlapping rows wait for each other in one order instead of deadlocking."""
    return str(row["of_subscription"]), str(row["of_fact"])


def _of(subscriptions: Iterable[str] | None) -> ColumnElement[bool]:
    return true() if subscriptions is None else parked.c.subscription.in_(list(subscriptions))


def _waiting(key: str, of: ColumnElement[bool], most: int | None) -> ColumnElement[bool]:
    """Return the condition of what is known under a key, or the `most` that have waited longest."""
    if most is None:
        return and_(parked.c.key == key, of)
    waiting = and_(
        parked.c.key == key, parked.c.released_at.is_(None), parked.c.sent_at.is_(None), of
    )
    longest = (
        select(parked.c.subscription, parked.c.fact_id)
        .where(waiting)
        .order_by(*_LONGEST_PARKED_FIRST)
        .limit(most)
    )
    # Asked again of the rows themselves: another probe may have released them meanwhile.
    return and_(waiting, tuple_(parked.c.subscription, parked.c.fact_id).in_(longest))


def _position(fact: ParkedFact) -> ColumnElement[Any]:
    return tuple_(
        literal(fact.parked_at, parked.c.parked_at.type),
        literal(fact.subscription, parked.c.subscription.type),
        literal(fact.fact_id, parked.c.fact_id.type),
    )


def _merged(facts: Iterable[ParkedFact]) -> list[ParkedFact]:
    """Return what is left of facts parked one after the other."""
    merged: dict[tuple[str, UUID], ParkedFact] = {}
    for fact in facts:
        merged[fact.identity] = fact.after(merged.get(fact.identity))
    return list(merged.values())


def _row(fact: ParkedFact) -> dict[str, object]:
    return {
        "subscription": fact.subscription,
        "fact_id": fact.fact_id,
        "topic": fact.topic,
        "key": fact.key,
        "missing": fact.missing,
        "body": fact.body,
        "properties": json.dumps(dict(fact.properties), ensure_ascii=False),
        "subject": fact.subject,
        "attempt": fact.attempt,
        "times": fact.times,
        "history": fact.history,
        "first_seen": fact.first_seen,
        "parked_at": fact.parked_at,
        "deadline": fact.deadline,
        "traceparent": fact.traceparent,
        "released_at": None,
        "releases": fact.releases,
        "sent_at": None,
    }


def _fact(row: Row[Any]) -> ParkedFact:
    columns = row._asdict()
    return ParkedFact(**columns | {"properties": json.loads(row.properties)})


def _key(row: Row[Any]) -> ParkedKey:
    return ParkedKey(row.subscription, row.key, row.missing, row.facts, row.oldest, row.deadline)

"""Facts that wait for something to exist; facts of other keys flow on meanwhile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class ParkedStay(NamedTuple):
    """One time of being parked: `times` counts them, and tells the copies of a fact apart."""

    subscription: str
    fact_id: UUID
    times: int


@dataclass(frozen=True, slots=True)
class ParkedFact:
    """One message of a subscription, put aside whole. Times are aware UTC.

    `key` names what it waits for, for example `item/gbrt/10010` or `sale/gbrt/LONDON/…/17`.
    """

    fact_id: UUID
    topic: str
    subscription: str
    key: str
    missing: str
    """For a person: what it waits for and who said so."""
    body: bytes
    properties: Mapping[str, str | int | float | bool] = field(hash=False)
    subject: str
    attempt: int
    times: int
    history: str
    first_seen: datetime
    parked_at: datetime
    deadline: datetime
    traceparent: str | None = None
    released_at: datetime | None = None
    """The last release, unless it has been tried since."""
    releases: int = 0
    """How often it was released; of one to be parked, how often by when its copy was sent. Two
    releases may be of one moment, so moments do not tell."""
    sent_at: datetime | None = None
    """When its copy went back to the bus: it stays here until the end of that is known."""

    @property
    def identity(self) -> tuple[str, UUID]:
        return self.subscription, self.fact_id

    @property
    def stay(self) -> ParkedStay:
        return ParkedStay(self.subscription, self.fact_id, self.times)

    def after(self, before: ParkedFact | None) -> ParkedFact:
        """Return what is kept of this fact where `before` is parked under its identity."""
        if before is None:
            return replace(self, released_at=None, sent_at=None)
        return replace(
            self,
            parked_at=before.parked_at,
            deadline=min(before.deadline, self.deadline),
            released_at=None if before.releases == self.releases else before.released_at,
            releases=before.releases,
            sent_at=None,
        )


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """What waits under one key of one subscription, with what is on its way to be tried."""

    subscription: str
    key: str
    missing: str
    facts: int
    oldest: datetime
    deadline: datetime
    """The first to pass."""


class Parking(ABC):
    """Parked facts by (subscription, fact id).

    * Parking a fact again replaces what is parked, but the earlier deadline and `parked_at` stay:
      it does not wait longer by being tried in between.
    * A fact that was sent back stays until it is forgotten: whoever looks sees it all the while,
      and a release that comes while it is being tried still counts when it is parked again.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    @abstractmethod
    async def park(self, facts: Sequence[ParkedFact]) -> None:
        """Keep them, whole or not at all; durable once it has returned.

        One that was released again since it was sent (`releases` tells) is due at once."""

    @abstractmethod
    async def release(
        self,
        keys: Iterable[str],
        now: datetime,
        *,
        most: int | None = None,
        subscriptions: Iterable[str] | None = None,
    ) -> int:
        """Mark what waits under these keys, of any or these subscriptions, as released; how many.

        What is on its way counts too. `most` releases only so many per key of what is neither
        released nor on its way, the longest parked first: a probe."""

    @abstractmethod
    async def due(
        self,
        now: datetime,
        limit: int,
        subscriptions: Iterable[str] | None = None,
        *,
        lost: datetime | None = None,
    ) -> list[ParkedFact]:
        """Return what is released or past its deadline at `now`, and not on its way; longest parked
        first. What was sent by the moment `lost` and is still here is due again."""

    @abstractmethod
    async def sent(self, stays: Iterable[ParkedStay], now: datetime) -> None:
        """Note that their copies are on the bus; those parked again since are left alone."""

    @abstractmethod
    async def forget(self, stays: Iterable[ParkedStay]) -> None:
        """Drop them, but for those parked again since. Absent ones make no difference."""

    @abstractmethod
    async def redact(self, bodies: Mapping[tuple[str, UUID], bytes]) -> None:
        """Put these bodies in place of those of the facts, by identity; absent ones make no
        difference: what was forgotten meanwhile is not parked again."""

    @abstractmethod
    async def waiting(self, subscriptions: Iterable[str] | None = None) -> list[ParkedKey]:
        """Return what is parked, released or not, per subscription and key, sorted by both.

        `missing` is what the longest parked fact said."""

    @abstractmethod
    async def facts(
        self, *, key: str | None = None, after: ParkedFact | None = None, limit: int = 1000
    ) -> list[ParkedFact]:
        """Return parked facts whole, longest parked first; all or those of one key.

        `after` is the last of a page already read."""


class MemoryParking(Parking):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, UUID], ParkedFact] = {}

    async def park(self, facts: Sequence[ParkedFact]) -> None:
        for fact in facts:
            self._facts[fact.identity] = fact.after(self._facts.get(fact.identity))

    async def release(
        self,
        keys: Iterable[str],
        now: datetime,
        *,
        most: int | None = None,
        subscriptions: Iterable[str] | None = None,
    ) -> int:
        names = None if subscriptions is None else set(subscriptions)
        released = 0
        for key in dict.fromkeys(keys):
            waiting = [
                each
                for each in self._sorted()
                if each.key == key and (most is None or not (each.released_at or each.sent_at))
                if names is None or each.subscription in names
            ]
            for fact in waiting[:most]:
                self._facts[fact.identity] = replace(
                    fact, released_at=now, releases=fact.releases + 1
                )
                released += 1
        return released

    async def due(
        self,
        now: datetime,
        limit: int,
        subscriptions: Iterable[str] | None = None,
        *,
        lost: datetime | None = None,
    ) -> list[ParkedFact]:
        names = None if subscriptions is None else set(subscriptions)

        def is_due(fact: ParkedFact) -> bool:
            if fact.sent_at:
                return lost is not None and fact.sent_at <= lost
            return bool(fact.released_at) or fact.deadline <= now

        return [
            fact
            for fact in self._sorted()
            if is_due(fact)
            if names is None or fact.subscription in names
        ][:limit]

    async def sent(self, stays: Iterable[ParkedStay], now: datetime) -> None:
        for fact in self._still(stays):
            self._facts[fact.identity] = replace(fact, sent_at=now)

    async def forget(self, stays: Iterable[ParkedStay]) -> None:
        for fact in self._still(stays):
            del self._facts[fact.identity]

    def _still(self, stays: Iterable[ParkedStay]) -> list[ParkedFact]:
        wanted = set(stays)
        return [each for each in self._sorted() if each.stay in wanted]

    async def redact(self, bodies: Mapping[tuple[str, UUID], bytes]) -> None:
        for identity, body in bodies.items():
            if identity in self._facts:
                self._facts[identity] = replace(self._facts[identity], body=body)

    async def waiting(self, subscriptions: Iterable[str] | None = None) -> list[ParkedKey]:
        names = None if subscriptions is None else set(subscriptions)
        groups: dict[tuple[str, str], list[ParkedFact]] = {}
        for fact in self._sorted():
            if names is None or fact.subscription in names:
                groups.setdefault((fact.subscription, fact.key), []).append(fact)
        return [
            ParkedKey(
                subscription,
                key,
                group[0].missing,
                len(group),
                min(each.parked_at for each in group),
                min(each.deadline for each in group),
            )
            for (subscription, key), group in sorted(groups.items())
        ]

    async def facts(
        self, *, key: str | None = None, after: ParkedFact | None = None, limit: int = 1000
    ) -> list[ParkedFact]:
        wanted = [each for each in self._sorted() if key in (None, each.key)]
        if after is not None:
            wanted = [each for each in wanted if _position(each) > _position(after)]
        return wanted[:limit]

    def _sorted(self) -> list[ParkedFact]:
        return sorted(self._facts.values(), key=_position)


def _position(fact: ParkedFact) -> tuple[datetime, str, UUID]:
    return fact.parked_at, fact.subscription, fact.fact_id

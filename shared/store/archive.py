"""Every fact as it came, kept so that it can be shown, published again, and erased for a person."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ArchivedFact:
    """`body` is the event as published, CloudEvents JSON. `persons` are the subjects it is about,
    as `<company>/<customer number>` or `<company>/card:<loyalty card>`, distinct and sorted."""

    fact_id: UUID
    fact_type: str
    subject: str
    company: str
    store: str
    """Empty where the fact belongs to none."""
    business_day: date | None
    body: bytes
    archived_at: datetime
    persons: tuple[str, ...] = ()


class Archive(ABC):
    """Facts by id; the first that comes under an id is kept, a repetition changes nothing.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    @abstractmethod
    async def keep(self, facts: Sequence[ArchivedFact]) -> None:
        """Remember them, whole or not at all; durable once it has returned."""

    @abstractmethod
    async def read(self, fact_ids: Iterable[UUID]) -> dict[UUID, ArchivedFact]:
        """Return those that are there."""

    @abstractmethod
    async def of_day(self, company: str, store: str, day: date) -> list[ArchivedFact]:
        """Return the facts of a store-day, by subject and id."""

    @abstractmethod
    async def about(self, person: str) -> list[ArchivedFact]:
        """Return the facts about a person, by archiving time and id."""

    @abstractmethod
    async def erase(self, person: str, bodies: Mapping[UUID, bytes]) -> None:
        """Put these bodies in place of the facts' own and forget whom they were about, at once.

        Only facts about the person are touched, and of them only those in `bodies`: one that came
        since they were read is still found by `about`."""


class MemoryArchive(Archive):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._facts: dict[UUID, ArchivedFact] = {}

    async def keep(self, facts: Sequence[ArchivedFact]) -> None:
        for fact in facts:
            self._facts.setdefault(fact.fact_id, fact)

    async def read(self, fact_ids: Iterable[UUID]) -> dict[UUID, ArchivedFact]:
        return {each: self._facts[each] for each in fact_ids if each in self._facts}

    async def of_day(self, company: str, store: str, day: date) -> list[ArchivedFact]:
        where = (company, store, day)
        found = [
            each
            for each in self._facts.values()
            if (each.company, each.store, each.business_day) == where
        ]
        return sorted(found, key=lambda each: (each.subject, each.fact_id))

    async def about(self, person: str) -> list[ArchivedFact]:
        found = [each for each in self._facts.values() if person in each.persons]
        return sorted(found, key=lambda each: (each.archived_at, each.fact_id))

    async def erase(self, person: str, bodies: Mapping[UUID, bytes]) -> None:
        for fact in await self.about(person):
            if fact.fact_id in bodies:
                body = bodies[fact.fact_id]
                self._facts[fact.fact_id] = replace(fact, body=body, persons=())

"""What completeness has witnessed: facts seen, documents posted, rejections, days closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from shared.events import TransactionKey


@dataclass(frozen=True, order=True)
class StoreDay:
    """One business day of one store: what a certificate is about."""

    company: str
    store: str
    business_day: date

    @staticmethod
    def of(key: TransactionKey) -> StoreDay:
        return StoreDay(key.company, key.store, key.business_day)

    def __str__(self) -> str:
        return f"{self.company}/{self.store}/{self.business_day}"


@dataclass(frozen=True)
class SeenFact:
    """A valid sale or return that was on the bus."""

    fact_id: UUID
    fact_type: str
    key: TransactionKey
    amount: Decimal
    """Signed: what the till took; a return is negative."""
    currency: str
    seen_at: datetime


@dataclass(frozen=True)
class PostedDocument:
    """What a service says it booked for a fact."""

    fact_id: UUID
    fact_type: str
    key: TransactionKey
    document_key: str
    amount: Decimal
    """Signed, as booked."""
    currency: str
    posted_at: datetime


@dataclass(frozen=True)
class Rejection:
    """A message that a subscription put aside for a person."""

    identity: str
    """The fact id where the message had one, otherwise its transaction or its message id."""
    fact_id: UUID | None
    key: TransactionKey | None
    """`None` when the message did not even say where it came from."""
    subscription: str
    reason: str
    detail: str
    rejected_at: datetime


@dataclass(frozen=True)
class ClosedDay:
    """A store's own word about its day."""

    day: StoreDay
    revision: int
    payload: str
    """The fact's data as JSON."""


@dataclass(frozen=True)
class Entries:
    """Everything a ledger holds, or a write to it; of one day, of several, or of none."""

    facts: Sequence[SeenFact] = ()
    documents: Sequence[PostedDocument] = ()
    rejections: Sequence[Rejection] = ()
    closed: Sequence[ClosedDay] = ()

    def days(self) -> set[StoreDay]:
        """Return the store-days these entries touch."""
        keys = {each.key for each in self.facts} | {each.key for each in self.documents}
        rejected = {each.key for each in self.rejections if each.key}
        return {StoreDay.of(key) for key in keys | rejected} | {each.day for each in self.closed}


@dataclass(frozen=True)
class DayFilter:
    """Which store-days; `None` means any, the dates are inclusive."""

    company: str | None = None
    store: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    def __contains__(self, day: StoreDay) -> bool:
        return (
            self.company in (None, day.company)
            and self.store in (None, day.store)
            and (self.first_day is None or self.first_day <= day.business_day)
            and (self.last_day is None or day.business_day <= self.last_day)
        )


@dataclass(frozen=True)
class Evaluation:
    """What was found when a store-day was last looked at."""

    day: StoreDay
    version: int
    """The version of the day that was looked at."""
    verdict: str
    missing_sequences: int


@dataclass(frozen=True)
class DayEntries:
    """One store-day at one moment."""

    day: StoreDay
    version: int
    entries: Entries


class Ledger(ABC):
    """Entries by fact id, store-days by key.

    * A fact or document recorded again changes nothing: the first writer wins. Of two rejections of
      one message the later one counts (a replay may be refused for another reason), of two closings
      of one day the greater revision; equal ones change nothing. So the order of arrival never
      matters, nor do repeats.
    * An absent day has no entries: it is missing from `days` and from `entries`.
    * Each recording call raises the version of every day it touches, repeats included, in the same
      transaction; an evaluation counts only while its version is still the day's.
    * One call of `record` is kept whole or not at all, and then outlives any crash.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    @abstractmethod
    async def record(self, entries: Entries) -> None:
        """Remember what has been witnessed."""

    @abstractmethod
    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        """Return the store-days that have entries, sorted."""

    @abstractmethod
    async def entries(self, days: Sequence[StoreDay]) -> list[DayEntries]:
        """Return what is known of these days, sorted by day; unknown days are left out."""

    @abstractmethod
    async def rejections_without_key(self, limit: int) -> list[Rejection]:
        """Return rejections that belong to no store-day, newest first."""

    @abstractmethod
    async def unevaluated(self, limit: int) -> list[StoreDay]:
        """Return store-days that changed since they were evaluated, or never were; sorted."""

    @abstractmethod
    async def evaluated(self, evaluations: Sequence[Evaluation]) -> None:
        """Remember evaluations; they never touch a day's version."""

    @abstractmethod
    async def evaluations(self, *, other_than: str) -> list[Evaluation]:
        """Return the last evaluation of every day with a verdict other than this, sorted."""


_Keyed = TypeVar("_Keyed", SeenFact, PostedDocument, Rejection)


def _of_day(day: StoreDay, rows: Iterable[_Keyed]) -> list[_Keyed]:
    mine = [row for row in rows if row.key and StoreDay.of(row.key) == day]
    return sorted(mine, key=in_till_order)


def in_till_order(row: SeenFact | PostedDocument | Rejection) -> tuple[str, int, str]:
    """Sort key of a day's entries: terminal, sequence, then something that never ties."""
    identity = row.identity if isinstance(row, Rejection) else str(row.fact_id)
    return (row.key.terminal, row.key.sequence, identity) if row.key else ("", 0, identity)


@dataclass
class _Day:
    version: int = 0
    closed: ClosedDay | None = None
    evaluation: Evaluation | None = None


@dataclass
class MemoryLedger(Ledger):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    _days: dict[StoreDay, _Day] = field(default_factory=dict)
    _facts: dict[UUID, SeenFact] = field(default_factory=dict)
    _documents: dict[UUID, PostedDocument] = field(default_factory=dict)
    _rejections: dict[str, Rejection] = field(default_factory=dict)

    async def record(self, entries: Entries) -> None:
        for day in entries.days():
            self._days.setdefault(day, _Day()).version += 1
        for fact in entries.facts:
            self._facts.setdefault(fact.fact_id, fact)
        for document in entries.documents:
            self._documents.setdefault(document.fact_id, document)
        for rejection in entries.rejections:
            known = self._rejections.setdefault(rejection.identity, rejection)
            if known.rejected_at < rejection.rejected_at:
                self._rejections[rejection.identity] = rejection
        for closed in entries.closed:
            state = self._days[closed.day]
            if state.closed is None or state.closed.revision < closed.revision:
                state.closed = closed

    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        return sorted(day for day in self._days if day in wanted)

    async def entries(self, days: Sequence[StoreDay]) -> list[DayEntries]:
        known = sorted(set(days) & self._days.keys())
        return [DayEntries(day, self._days[day].version, self._entries_of(day)) for day in known]

    def _entries_of(self, day: StoreDay) -> Entries:
        closed = self._days[day].closed
        return Entries(
            facts=_of_day(day, self._facts.values()),
            documents=_of_day(day, self._documents.values()),
            rejections=_of_day(day, self._rejections.values()),
            closed=[closed] if closed else [],
        )

    async def rejections_without_key(self, limit: int) -> list[Rejection]:
        keyless = [each for each in self._rejections.values() if each.key is None]
        return sorted(keyless, key=lambda each: each.rejected_at, reverse=True)[:limit]

    async def unevaluated(self, limit: int) -> list[StoreDay]:
        stale = [
            day
            for day, state in self._days.items()
            if state.evaluation is None or state.evaluation.version != state.version
        ]
        return sorted(stale)[:limit]

    async def evaluated(self, evaluations: Sequence[Evaluation]) -> None:
        for evaluation in evaluations:
            self._days[evaluation.day].evaluation = evaluation

    async def evaluations(self, *, other_than: str) -> list[Evaluation]:
        known = [state.evaluation for state in self._days.values() if state.evaluation]
        return sorted(
            (each for each in known if each.verdict != other_than), key=lambda each: each.day
        )

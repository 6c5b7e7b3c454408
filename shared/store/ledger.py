"""What completeness has witnessed: facts seen, documents posted, rejections, days closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from shared.events import Effect
from shared.store.effects import FactEffects, by_fact
from shared.store.ledger_entries import (
    LEDGER,
    ClosedDay,
    DayEntries,
    DayFilter,
    Entries,
    Evaluation,
    OpenedDay,
    PostedDocument,
    Rejection,
    Reversal,
    SeenFact,
    StoreDay,
    TenderAmount,
    in_till_order,
)

__all__ = [
    "LEDGER",
    "ClosedDay",
    "DayEntries",
    "DayFilter",
    "Entries",
    "Evaluation",
    "FactEffects",
    "Ledger",
    "MemoryLedger",
    "OpenedDay",
    "PostedDocument",
    "Rejection",
    "Reversal",
    "SeenFact",
    "StoreDay",
    "TenderAmount",
    "in_till_order",
]


class Ledger(ABC):
    """Facts by id, documents and reversals by fact and effect, store-days by key.

    * A fact, document or reversal recorded again changes nothing: the first writer wins. Of two
      rejections of one message the later one counts (a replay may be refused for another reason),
      of two closings or openings of one day the greater revision; equal ones change nothing. So the
      order of arrival never matters, nor do repeats.
    * An absent day has no entries: it is missing from `days` and from `entries`.
    * Each recording call raises the version of every day it touches, repeats included, in the same
      transaction; an evaluation counts only while its version is still the day's. A reversal
      touches the day of the fact it is about, if that is known by then.
    * A reversal shows on a day once the document it takes back does.
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
    async def gapless(self, days: Sequence[StoreDay]) -> dict[StoreDay, int]:
        """Return, with their versions, those of the days that are open and have no gap.

        Each terminal then claims every number from its first to its last, by facts, documents and
        rejections together, and no counter has begun again. Much cheaper than `entries`.
        """

    @abstractmethod
    async def effects(self, fact_ids: Iterable[UUID]) -> dict[UUID, FactEffects]:
        """Return what has become of these facts; those nobody has spoken of are left out."""

    @abstractmethod
    async def half_booked(self, wanted: DayFilter, limit: int) -> list[FactEffects]:
        """Return facts one effect of which stands while another is refused, by transaction and id.

        A fact that belongs to no store-day is in the answer only if the filter asks for nothing.
        """

    @abstractmethod
    async def rejections_without_key(self, limit: int) -> list[Rejection]:
        """Return rejections that belong to no store-day and were not booked later, newest first."""

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


def _has_no_gap(entries: Entries) -> bool:
    rows: Iterable[SeenFact | PostedDocument | Rejection] = (
        *entries.facts,
        *entries.documents,
        *entries.rejections,
    )
    claimed: dict[str, set[int]] = {}
    for key in (row.key for row in rows if row.key):
        claimed.setdefault(key.terminal, set()).add(key.sequence)
    has_reset = any(fact.last_before is not None for fact in entries.facts)
    return not has_reset and all(
        len(numbers) == max(numbers) - min(numbers) + 1 for numbers in claimed.values()
    )


def in_effect_order(reversal: Reversal) -> tuple[str, str]:
    """Sort key of reversals."""
    return str(reversal.fact_id), reversal.effect


def half_booked_order(effects: FactEffects) -> tuple[str, str]:
    """Sort key of half-booked facts."""
    return str(effects.key or ""), str(effects.fact_id)


@dataclass
class _Day:
    version: int = 0
    closed: ClosedDay | None = None
    opened: OpenedDay | None = None
    evaluation: Evaluation | None = None


@dataclass
class MemoryLedger(Ledger):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    _days: dict[StoreDay, _Day] = field(default_factory=dict)
    _facts: dict[UUID, SeenFact] = field(default_factory=dict)
    _documents: dict[tuple[UUID, Effect], PostedDocument] = field(default_factory=dict)
    _rejections: dict[str, Rejection] = field(default_factory=dict)
    _reversals: dict[tuple[UUID, Effect], Reversal] = field(default_factory=dict)

    async def record(self, entries: Entries) -> None:
        for fact in entries.facts:
            self._facts.setdefault(fact.fact_id, fact)
        for document in entries.documents:
            self._documents.setdefault((document.fact_id, document.effect), document)
        for rejection in entries.rejections:
            known = self._rejections.setdefault(rejection.identity, rejection)
            if known.rejected_at < rejection.rejected_at:
                self._rejections[rejection.identity] = rejection
        for reversal in entries.reversals:
            self._reversals.setdefault((reversal.fact_id, reversal.effect), reversal)
        for day in entries.days() | self._days_of({each.fact_id for each in entries.reversals}):
            self._days.setdefault(day, _Day()).version += 1
        for closed in entries.closed:
            state = self._days[closed.day]
            if state.closed is None or state.closed.revision < closed.revision:
                state.closed = closed
        for opened in entries.opened:
            state = self._days[opened.day]
            if state.opened is None or state.opened.revision < opened.revision:
                state.opened = opened

    def _days_of(self, fact_ids: set[UUID]) -> set[StoreDay]:
        rows: Iterable[SeenFact | PostedDocument] = (
            *self._facts.values(),
            *self._documents.values(),
        )
        return {StoreDay.of(row.key) for row in rows if row.key and row.fact_id in fact_ids}

    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        return sorted(day for day in self._days if day in wanted)

    async def entries(self, days: Sequence[StoreDay]) -> list[DayEntries]:
        known = sorted(set(days) & self._days.keys())
        return [DayEntries(day, self._days[day].version, self._entries_of(day)) for day in known]

    def _entries_of(self, day: StoreDay) -> Entries:
        state = self._days[day]
        documents = _of_day(day, self._documents.values())
        booked = {(each.fact_id, each.effect) for each in documents}
        return Entries(
            facts=_of_day(day, self._facts.values()),
            documents=documents,
            rejections=_of_day(day, self._rejections.values()),
            reversals=sorted(
                (each for which, each in self._reversals.items() if which in booked),
                key=in_effect_order,
            ),
            closed=[state.closed] if state.closed else [],
            opened=[state.opened] if state.opened else [],
        )

    async def gapless(self, days: Sequence[StoreDay]) -> dict[StoreDay, int]:
        known = set(days) & self._days.keys()
        return {
            day: self._days[day].version
            for day in known
            if self._days[day].closed is None and _has_no_gap(self._entries_of(day))
        }

    async def effects(self, fact_ids: Iterable[UUID]) -> dict[UUID, FactEffects]:
        wanted = set(fact_ids)
        return {each: found for each, found in self._by_fact().items() if each in wanted}

    async def half_booked(self, wanted: DayFilter, limit: int) -> list[FactEffects]:
        found = [
            each
            for each in self._by_fact().values()
            if each.is_half_booked
            and (StoreDay.of(each.key) in wanted if each.key else wanted == DayFilter())
        ]
        return sorted(found, key=half_booked_order)[:limit]

    def _by_fact(self) -> dict[UUID, FactEffects]:
        return by_fact(
            self._documents.values(), self._rejections.values(), self._reversals.values()
        )

    async def rejections_without_key(self, limit: int) -> list[Rejection]:
        keyless = [
            each
            for each in self._rejections.values()
            if each.key is None and (each.fact_id, each.effect) not in self._documents
        ]
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

"""What has already been posted, by fact: the memory that makes a redelivered message harmless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.events import DocumentRef


@dataclass(frozen=True)
class InboxResult:
    """That one fact has become one document."""

    fact_id: UUID
    fact_type: str
    key: str
    """The fact's natural key as text, for instance `usrt/S1/2011-12-01/T1/17`."""
    document: DocumentRef
    amount: Decimal
    """Signed, as booked."""
    currency: str
    posted_at: datetime
    already_there: bool = False


class Inbox(ABC):
    """Results by fact id.

    * An absent fact is simply not in the answer; it says nothing about Dynamics, where an earlier
      attempt may have booked the document and died before it was recorded here.
    * Recording a fact again, with whatever values, changes nothing: the first writer wins and the
      caller is told what is stored. That also holds between two processes recording at once, and
      between equal fact ids within one call.
    * One call of `record` is kept whole or not at all. Once it has returned, a crash of the process
      or the machine loses nothing of it.
    """

    @abstractmethod
    async def results(self, fact_ids: Sequence[UUID]) -> dict[UUID, InboxResult]:
        """Return what is known about these facts; raises `StoreUnavailable`."""

    @abstractmethod
    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        """Remember results and return what is stored for each; raises `StoreUnavailable`."""


class MemoryInbox(Inbox):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._results: dict[UUID, InboxResult] = {}

    async def results(self, fact_ids: Sequence[UUID]) -> dict[UUID, InboxResult]:
        return {each: self._results[each] for each in fact_ids if each in self._results}

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        return {each.fact_id: self._results.setdefault(each.fact_id, each) for each in results}

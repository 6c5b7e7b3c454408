"""What has already been posted, by effect and fact: what makes a redelivered message harmless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.events import DocumentRef, Effect


@dataclass(frozen=True)
class InboxResult:
    """That one effect of one fact has become one document."""

    fact_id: UUID
    fact_type: str
    key: str
    """The fact's natural key as text, for instance `usrt/S1/2011-12-01/T1/17`."""
    document: DocumentRef
    amount: Decimal
    """Signed, as booked; 0 where no money is."""
    currency: str
    """Empty where no money is booked."""
    posted_at: datetime
    already_there: bool = False
    effect: Effect = "ledger"
    digest: str = ""
    """Of the fact's content: another fact under the same id is not taken for it."""


class Inbox(ABC):
    """Results of one effect by fact id.

    * An absent fact is simply not in the answer; it says nothing about Dynamics, where an earlier
      attempt may have booked the document and died before it was recorded here.
    * Recording a fact again, with whatever values, changes nothing: the first writer wins and the
      caller is told what is stored. That also holds between two processes recording at once, and
      between equal fact ids within one call.
    * One call of `record` is kept whole or not at all, with one entry of the audit log for every
      result it added (`shared.store.audit`, chain = effect). Once it has returned, a crash of the
      process or the machine loses nothing of it.
    """

    @abstractmethod
    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        """Return what is known about these facts; raises `StoreUnavailable`."""

    @abstractmethod
    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        """Remember results of this inbox's effect and return what is stored for each.

        Raises `StoreUnavailable`."""


class MemoryInbox(Inbox):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._results: dict[UUID, InboxResult] = {}

    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        return {each: self._results[each] for each in fact_ids if each in self._results}

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        return {each.fact_id: self._results.setdefault(each.fact_id, each) for each in results}

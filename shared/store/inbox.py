"""What has already been posted, by effect and fact: what makes a redelivered message harmless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.clock import Clock, utc_now
from shared.events import DocumentRef, Effect
from shared.store.audit import Act, Audit, MemoryAudit


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
    * Facts whose content was erased keep their results without the digest, which could be used to
      guess at what was erased; from then on any content under their ids is taken for theirs.
    """

    @abstractmethod
    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        """Return what is known about these facts; raises `StoreUnavailable`."""

    @abstractmethod
    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        """Remember results of this inbox's effect and return what is stored for each.

        Raises `StoreUnavailable`."""

    @abstractmethod
    async def forget_content(self, fact_ids: Iterable[UUID]) -> None:
        """Empty the digests of these facts; absent ones make no difference."""


def booking_act(result: InboxResult, at: datetime) -> Act:
    """Return what the audit log says of a result recorded."""
    document = result.document
    booked = f"{document.system}/{document.entity_set}/{document.key}"
    if result.currency:
        booked += f" {result.amount} {result.currency}"
    return Act(at, actor="services", action="booked", subject=result.key, detail=booked)


class MemoryInbox(Inbox):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self, audit: Audit | None = None, clock: Clock = utc_now) -> None:
        self._results: dict[UUID, InboxResult] = {}
        self._audit = audit or MemoryAudit()
        self._clock = clock

    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        return {each: self._results[each] for each in fact_ids if each in self._results}

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        now = self._clock()
        for each in results:
            if each.fact_id not in self._results:
                self._results[each.fact_id] = each
                await self._audit.append(each.effect, [booking_act(each, now)])
        return {each.fact_id: self._results[each.fact_id] for each in results}

    async def forget_content(self, fact_ids: Iterable[UUID]) -> None:
        known = await self.results(fact_ids)
        self._results |= {each: replace(result, digest="") for each, result in known.items()}

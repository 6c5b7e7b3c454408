"""Book deliveries: what each one's outcome is, whatever happened before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from shared.booking.digests import content_digest
from shared.booking.failures import failure
from shared.booking.quotes import without_quotes
from shared.bus import (
    OTHER_CONTENT,
    Delivery,
    Done,
    Outcome,
    Rejected,
    first_of_each,
    or_later,
)
from shared.clock import Clock
from shared.dynamics import Booked, DynamicsError, Posting
from shared.events import (
    DocumentPosted,
    DocumentRef,
    Effect,
    Fact,
    Reason,
    personal_texts,
    transaction_of,
)
from shared.store.inbox import Inbox, InboxResult

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Plan(Generic[D]):
    """What one fact is to become.

    `post` is a port's method; plans with the same one are posted together. `waits_for` gives the
    key to park under when Dynamics lacks a record the document refers to.
    """

    document: D
    post: Callable[[Sequence[D]], Awaitable[Sequence[Posting]]]
    system: str
    company: str
    entity_set: str
    waits_for: Callable[[DynamicsError], str]
    amount: Decimal = Decimal(0)
    """Signed, as it will be booked; 0 where no money is."""
    currency: str = ""


Prepare = Callable[[Delivery], Plan[Any] | Outcome]
"""Returns the plan, or the outcome where there is nothing to book. Pure."""

_Planned = tuple[Delivery, Plan[Any]]


@dataclass(frozen=True, slots=True)
class Booker:
    """Books one effect."""

    effect: Effect
    inbox: Inbox
    clock: Clock

    async def book(self, deliveries: Sequence[Delivery], prepare: Prepare) -> list[Outcome]:
        """Return one outcome per delivery; a fact delivered twice is booked once.

        A crash after posting and before recording repeats the posting, which finds the document;
        one after recording repeats the announcement, with the same id and content. A fact whose
        content is not that of the one booked under its id is rejected. Without the store all wait.
        """
        return await or_later(self._outcomes(deliveries, prepare), len(deliveries))

    async def _outcomes(self, deliveries: Sequence[Delivery], prepare: Prepare) -> list[Outcome]:
        first = first_of_each(deliveries)
        results, others = await self._booked(first, prepare)
        outcomes: list[Outcome] = []
        for delivery in deliveries:
            fact_id, fact = delivery.event.id, delivery.event.data
            if fact_id in results:
                outcomes.append(announced(fact, results[fact_id]))
            elif fact == first[fact_id].event.data:
                outcomes.append(others[fact_id])
            else:
                outcomes.append(OTHER_CONTENT)
        return outcomes

    async def _booked(
        self, deliveries: Mapping[UUID, Delivery], prepare: Prepare
    ) -> tuple[dict[UUID, InboxResult], dict[UUID, Outcome]]:
        """Return what is booked by now, and the outcomes of the others."""
        results = await self.inbox.results(list(deliveries))
        others: dict[UUID, Outcome] = {}
        plans: list[_Planned] = []
        for fact_id, delivery in deliveries.items():
            if fact_id in results:
                continue
            prepared = prepare(delivery)
            if isinstance(prepared, Plan):
                plans.append((delivery, prepared))
            else:
                others[fact_id] = prepared
        booked, failures, bug = await self._posted(plans)
        if booked:
            results |= await self.inbox.record(booked)
        if bug is not None:
            raise bug
        return results, others | failures

    async def _posted(
        self, plans: Sequence[_Planned]
    ) -> tuple[list[InboxResult], dict[UUID, Outcome], BaseException | None]:
        """Return what is booked, the outcomes of the others, and what a port raised, if one did.

        A port that raises keeps nothing of what the others have booked from being recorded.
        """
        by_port: dict[Any, list[_Planned]] = {}
        for pair in plans:
            by_port.setdefault(pair[1].post, []).append(pair)
        postings = await asyncio.gather(
            *(post([plan.document for _, plan in group]) for post, group in by_port.items()),
            return_exceptions=True,
        )
        now = self.clock()
        booked: list[InboxResult] = []
        failures: dict[UUID, Outcome] = {}
        bug: BaseException | None = None
        for group, answers in zip(by_port.values(), postings, strict=True):
            if isinstance(answers, BaseException):
                bug = answers
                continue
            for (delivery, plan), posting in zip(group, answers, strict=True):
                if isinstance(posting, Booked):
                    booked.append(self._result(delivery, plan, posting))
                else:
                    # Read before the names are taken out: it may be a customer that is missing.
                    waits_for = plan.waits_for(posting.error)
                    error = without_quotes(posting.error, personal_texts(delivery.event.data))
                    failures[delivery.event.id] = failure(error, now, waits_for)
        return booked, failures, bug

    def _result(self, delivery: Delivery, plan: Plan[Any], posting: Booked) -> InboxResult:
        return InboxResult(
            fact_id=delivery.event.id,
            fact_type=delivery.event.type,
            key=delivery.event.subject,
            document=DocumentRef(
                system=plan.system,
                company=plan.company,
                entity_set=plan.entity_set,
                key=posting.key,
            ),
            amount=plan.amount,
            currency=plan.currency,
            posted_at=self.clock(),
            already_there=posting.already_there,
            effect=self.effect,
            digest=content_digest(delivery.event.data),
        )


def announced(fact: Fact, result: InboxResult) -> Outcome:
    """Return what follows from a stored result: its announcement, or that it is another fact's."""
    if result.digest and result.digest != content_digest(fact):
        detail = f"{result.key} is booked with other content as {result.document.key}"
        return Rejected(Reason.DOCUMENT_DIFFERS, detail)
    return Done(posted(fact, result))


def posted(fact: Fact, result: InboxResult) -> DocumentPosted:
    """Return the announcement, from what is stored, so that a repetition says exactly the same."""
    key = transaction_of(fact)
    return DocumentPosted(
        fact_id=result.fact_id,
        fact_type=result.fact_type,
        effect=result.effect,
        key=key,
        subject="" if key else result.key,
        document=result.document,
        amount=result.amount,
        currency=result.currency or None,
        posted_at=result.posted_at,
        already_there=result.already_there,
    )

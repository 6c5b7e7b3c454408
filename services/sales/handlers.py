"""Book sales and returns: what each delivery's outcome is, whatever happened before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.sales.companies import CompanySettings
from services.sales.mapping import Sale, booked_amount, retail_transaction
from shared.bus import Delivery, Done, Later, Outcome, Parked, Rejected
from shared.clock import Clock
from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    MissingParent,
    Refused,
    RetailTransactions,
    SetUpWrong,
    TryLater,
)
from shared.events import DocumentPosted, DocumentRef, Reason
from shared.store.errors import StoreUnavailable
from shared.store.inbox import Inbox, InboxResult

SYSTEM = "finance-operations"
ENTITY_SET = "RetailTransactions"

_log = logging.getLogger("tillbus.sales")


class Collaborators(Protocol):
    """What booking needs."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def transactions(self) -> RetailTransactions: ...
    @property
    def companies(self) -> Mapping[str, CompanySettings]: ...
    @property
    def clock(self) -> Clock: ...


async def book(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    """Return one outcome per delivery; a fact delivered twice is booked once.

    A crash after posting and before recording repeats the posting, which finds the document; one
    after recording repeats the announcement, with the same id and content.
    """
    distinct = {delivery.event.id: delivery for delivery in deliveries}
    try:
        outcomes = await _outcomes(distinct, collaborators)
    except StoreUnavailable as error:
        _log.error("The store is unavailable, sales wait: %s", error)
        return [Later(f"the store is unavailable: {error}")] * len(deliveries)
    return [outcomes[delivery.event.id] for delivery in deliveries]


async def _outcomes(
    deliveries: Mapping[UUID, Delivery], collaborators: Collaborators
) -> dict[UUID, Outcome]:
    results = await collaborators.inbox.results(list(deliveries))
    outcomes: dict[UUID, Outcome] = {}
    to_post: list[Delivery] = []
    for fact_id, delivery in deliveries.items():
        if fact_id in results:
            continue
        if refusal := _refusal(delivery.event.data, collaborators.companies):
            outcomes[fact_id] = refusal
        else:
            to_post.append(delivery)
    booked, failures = await _post(to_post, collaborators)
    if booked:
        results |= await collaborators.inbox.record(booked)
    outcomes |= failures
    for fact_id, result in results.items():
        outcomes[fact_id] = Done(_announcement(deliveries[fact_id].event.data, result))
    return outcomes


def _refusal(sale: Sale, companies: Mapping[str, CompanySettings]) -> Rejected | None:
    company = companies.get(sale.key.company)
    if company is None:
        detail = f"company {sale.key.company} is not in the setting COMPANIES"
        return Rejected(Reason.UNKNOWN_COMPANY, detail)
    if sale.currency not in company.currencies:
        allowed = ", ".join(company.currencies)
        detail = f"company {sale.key.company} does not sell in {sale.currency}, only in {allowed}"
        return Rejected(Reason.UNKNOWN_CURRENCY, detail)
    return None


async def _post(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> tuple[list[InboxResult], dict[UUID, Outcome]]:
    """Return what is booked, and the outcomes of the others."""
    if not deliveries:
        return [], {}
    postings = await collaborators.transactions.post(
        [
            retail_transaction(
                delivery.event.data,
                collaborators.companies[delivery.event.data.key.company],
                delivery.event.traceparent,
            )
            for delivery in deliveries
        ]
    )
    now = collaborators.clock()
    booked: list[InboxResult] = []
    failures: dict[UUID, Outcome] = {}
    for delivery, posting in zip(deliveries, postings, strict=True):
        if isinstance(posting, Booked):
            booked.append(_result(delivery, posting, now))
        else:
            failures[delivery.event.id] = failure(posting.error, delivery.event.data, now)
    return booked, failures


def _result(delivery: Delivery, posting: Booked, now: datetime) -> InboxResult:
    sale: Sale = delivery.event.data
    return InboxResult(
        fact_id=delivery.event.id,
        fact_type=delivery.event.type,
        key=str(sale.key),
        document=DocumentRef(
            system=SYSTEM, company=sale.key.company, entity_set=ENTITY_SET, key=posting.key
        ),
        amount=booked_amount(sale),
        currency=sale.currency,
        posted_at=now,
        already_there=posting.already_there,
    )


def _announcement(sale: Sale, result: InboxResult) -> DocumentPosted:
    """Return the fact from what is stored, so that a repetition says exactly the same."""
    return DocumentPosted(
        fact_id=result.fact_id,
        fact_type=result.fact_type,
        key=sale.key,
        document=result.document,
        amount=result.amount,
        currency=result.currency,
        posted_at=result.posted_at,
        already_there=result.already_there,
    )


def failure(error: DynamicsError, sale: Sale, now: datetime) -> Outcome:
    """Return the outcome for a sale that is not booked, by what can help it."""
    return _FAILURES[type(error)](error, sale, now)


def _try_later(error: DynamicsError, _: Sale, now: datetime) -> Outcome:
    wait = error.retry_after if isinstance(error, TryLater) else None
    return Later(error.describe(), now + wait if wait else None)


def _set_up_wrong(error: DynamicsError, sale: Sale, now: datetime) -> Outcome:
    # The sale is right and an administrator can make it succeed: it must not become a dead letter
    # before they had the time the retry policy gives them.
    _log.error("Dynamics is set up wrongly for %s: %s", sale.key.company, error.describe())
    return Later(error.describe())


def _parked(error: DynamicsError, sale: Sale, _: datetime) -> Outcome:
    return Parked(f"{sale.key.company}/{sale.key.store}", error.describe())


def _rejected(reason: Reason) -> Callable[[DynamicsError, Sale, datetime], Outcome]:
    return lambda error, _, __: Rejected(reason, error.describe())


_FAILURES: Mapping[type[DynamicsError], Callable[[DynamicsError, Sale, datetime], Outcome]] = {
    TryLater: _try_later,
    SetUpWrong: _set_up_wrong,
    MissingParent: _parked,
    Refused: _rejected(Reason.REFUSED_BY_DYNAMICS),
    Conflict: _rejected(Reason.DOCUMENT_DIFFERS),
}

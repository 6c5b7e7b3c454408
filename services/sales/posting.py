"""Aggregates become documents, and every ticket of them is announced.

    assigned ──> posted under the aggregate's own key ──> results of all tickets in the inbox
             ──> document-posted for every ticket ──> announced, its tickets booked

A crash anywhere repeats what came before it: posting finds the document, the inbox keeps what it
has, announcements have the ids they had. What Dynamics refuses stays, is announced as rejected once
for every ticket, and is tried again every now and then: its deliveries are long completed, so no
dead letter could bring them back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from services.sales.accounts import NotBookable
from services.sales.aggregates import (
    AGGREGATE,
    Aggregate,
    aggregate_of,
    encoded,
    every,
)
from services.sales.collaborators import Collaborators
from services.sales.journals import summed, ticket_entries
from services.sales.merging import merged
from services.sales.slips import Slip
from services.sales.tickets import ASSIGNED, TICKET, Ticket, booked, decoded
from shared.booking import Plan, posted
from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    MissingParent,
    Posting,
    Refused,
)
from shared.events import DocumentRef, DocumentRejected, Fact, Reason, fact_id, new_event
from shared.store.inbox import InboxResult
from shared.store.records import Record

_log = logging.getLogger("tillbus.sales")

REFUSED = "refused"
ANNOUNCED = "announced"

TRY_AGAIN = timedelta(minutes=10)
"""How long what Dynamics refused is left alone."""

SOURCE = "/services/sales"
SUBSCRIPTION = "sales"

_REASONS: Mapping[type[DynamicsError], Reason] = {
    Refused: Reason.REFUSED_BY_DYNAMICS,
    Conflict: Reason.DOCUMENT_DIFFERS,
    MissingParent: Reason.MASTER_DATA_MISSING,
}
"""What a person has to help; any other error passes by itself."""


@dataclass(frozen=True, slots=True)
class _Open:
    """An aggregate on its way, with its tickets in order."""

    record: Record
    aggregate: Aggregate
    kept: Sequence[Record]
    tickets: Sequence[Ticket]


async def post(all_: Collaborators, prefix: str = "") -> None:
    """Book and announce what is assigned, of one store-day or of all; what fails stays for later.

    Raises StoreUnavailable and PublishFailed.
    """
    now = all_.clock()
    waiting = [each async for each in every(all_.records, AGGREGATE, prefix=prefix, state=ASSIGNED)]
    waiting += [
        each
        async for each in every(all_.records, AGGREGATE, prefix=prefix, state=REFUSED)
        if each.at + TRY_AGAIN <= now
    ]
    for record in waiting:
        await _post(record, all_)


async def _post(record: Record, all_: Collaborators) -> None:
    aggregate = aggregate_of(record)
    stored = await all_.records.read(TICKET, aggregate.tickets)
    kept = [stored[key] for key in aggregate.tickets if key in stored]
    if any(each.state != ASSIGNED for each in kept):
        return  # another instance has just finished it
    open_ = _Open(record, aggregate, kept, [decoded(each) for each in kept])
    results = await all_.inbox.results([each.fact_id for each in open_.tickets])
    if len(results) < len(open_.tickets):
        try:
            plan = _plan(open_, all_)
            [posting] = await plan.post([plan.document])
        except NotBookable as error:
            await _refuse(open_, Reason.NOT_BOOKABLE_HERE, str(error), all_)
            return
        if not isinstance(posting, Booked):
            await _failed(open_, posting.error, all_)
            return
        results = await all_.inbox.record(_results(open_, plan, posting, all_))
    facts = [posted(each.sale, results[each.fact_id]) for each in open_.tickets]
    await _announce(open_.tickets, facts, all_)
    await _finish(open_, all_)


def _plan(open_: _Open, all_: Collaborators) -> Plan[Any]:
    """Return what the aggregate becomes; from the same tickets always the same."""
    aggregate, sales = open_.aggregate, [each.sale for each in open_.tickets]
    key = sales[0].key
    company = all_.companies.get(key.company)
    if company is None:
        raise NotBookable(f"company {key.company} is not in the setting COMPANIES")
    book = all_.books[company.ledger]
    if aggregate.grain == "statement":
        entries = summed(
            (on, text, amount)
            for sale in sales
            for (on, text), amount in ticket_entries(sale, company).items()
        )
        number = f"{key.business_day:%Y%m%d}-Z{aggregate.number}"
        return book.statement(key, number, entries, company)
    slip = Slip(
        sale=merged(sales),
        number=f"{key.business_day:%Y%m%d}-A{aggregate.number}",
        fact_id=fact_id("com.tillbus.aggregate", aggregate.key),
    )
    return book.sale(slip, company)


def _results(
    open_: _Open, plan: Plan[Any], posting: Posting, all_: Collaborators
) -> list[InboxResult]:
    """Return every ticket's own share of the document."""
    assert isinstance(posting, Booked)
    document = DocumentRef(
        system=plan.system, company=plan.company, entity_set=plan.entity_set, key=posting.key
    )
    now = all_.clock()
    return [
        InboxResult(
            fact_id=each.fact_id,
            fact_type=each.fact_type,
            key=each.sale.natural_key(),
            document=document,
            amount=each.sale.signed_amount,
            currency=each.sale.currency,
            posted_at=now,
            already_there=posting.already_there,
            digest=each.digest,
        )
        for each in open_.tickets
    ]


async def _failed(open_: _Open, error: DynamicsError, all_: Collaborators) -> None:
    reason = _REASONS.get(type(error))
    if reason is None:
        _log.warning("Aggregate %s waits: %s", open_.aggregate.key, error.describe())
    else:
        await _refuse(open_, reason, error.describe(), all_)


async def _refuse(open_: _Open, reason: Reason, detail: str, all_: Collaborators) -> None:
    """Announce once what is missing now, and leave the aggregate for the next try."""
    record, now = open_.record, all_.clock()
    _log.error("Aggregate %s is refused: %s", open_.aggregate.key, detail)
    if record.state != REFUSED:
        facts = [
            DocumentRejected(
                fact_id=each.fact_id,
                fact_type=each.fact_type,
                key=each.sale.key,
                message_id=str(each.fact_id),
                subscription=SUBSCRIPTION,
                effect="ledger",
                reason=reason,
                detail=f"aggregate {open_.aggregate.key}: {detail}",
                rejected_at=now,
            )
            for each in open_.tickets
        ]
        await _announce(open_.tickets, facts, all_)
    text = encoded(open_.aggregate, detail)
    await all_.records.write(
        [replace(record, version=record.version + 1, state=REFUSED, text=text, at=now)]
    )


async def _announce(tickets: Sequence[Ticket], facts: Iterable[Fact], all_: Collaborators) -> None:
    """Publish a fact for each ticket, in the trace of its sale. Raises PublishFailed."""
    now = all_.clock()
    await all_.announcer.publish(
        [
            new_event(fact, source=SOURCE, time=now, traceparent=each.traceparent)
            for each, fact in zip(tickets, facts, strict=True)
        ]
    )


async def _finish(open_: _Open, all_: Collaborators) -> None:
    """Mark aggregate and tickets in one write; in its way is only who has done the same."""
    now = all_.clock()
    record = open_.record
    done = replace(record, version=record.version + 1, state=ANNOUNCED, at=now)
    await all_.records.write([done, *(booked(each, now) for each in open_.kept)])

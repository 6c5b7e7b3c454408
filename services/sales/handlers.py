"""Book sales, returns, drawers and days: what each delivery's outcome is, whatever happened before.

a sale or return ── known already ────────────────────────> announced again
                 ── refused by a rule ────────────────────> rejected
                 ── takes back from a sale not booked ────> parked under sale/<key>
                 ── takes back more than was sold ────────> rejected
                 ── waits for its aggregate or statement ─> kept; posted when its day closes
                 ── else ─────────────────────────────────> booked; what waits for it released
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from services.sales import aggregates, posting, returns, tickets
from services.sales.accounts import NotBookable
from services.sales.collaborators import Collaborators
from services.sales.journals import ticket_entries
from services.sales.slips import Drawer, DrawerSlip, Sale, Slip, originals
from shared.booking import Booker, Plan, configured
from shared.bus import Delivery, Done, Outcome, PublishFailed, Rejected, each_once
from shared.companies import Company
from shared.events import (
    BACKFILL,
    Reason,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TransactionKey,
)

_log = logging.getLogger("tillbus.sales")

Prepared = Plan[Any] | Outcome


async def book(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    """Return one outcome per sale or return; a fact delivered twice is booked once."""

    async def book_in_order(distinct: Sequence[Delivery]) -> dict[UUID, Outcome]:
        # A return may come with its sale: what takes nothing back goes first.
        backs = [each for each in distinct if originals(each.event.data)]
        first = [each for each in distinct if not originals(each.event.data)]
        return await _sales(first, all_) | await _sales(backs, all_)

    return await each_once(deliveries, book_in_order)


async def _sales(deliveries: Sequence[Delivery], all_: Collaborators) -> dict[UUID, Outcome]:
    if not deliveries:
        return {}
    outcomes, loose = await _held_back(deliveries, all_)
    rest = [each for each in deliveries if each.event.id not in outcomes]

    def prepare(delivery: Delivery) -> Prepared:
        event = delivery.event
        company = company_of(event.data, all_)
        if isinstance(company, Rejected):
            return company
        alone = returns.waited_out(delivery)
        unknown = originals(event.data) if alone else loose.get(event.id, ())
        slip = Slip.of(event.data, event.traceparent, unknown)
        book_ = all_.books[company.ledger]
        return book_.sale(slip, company, late=event.lane == BACKFILL)

    booker = Booker("ledger", all_.inbox, all_.clock)
    booked = await booker.book(rest, _bookable(prepare))
    outcomes |= {each.event.id: outcome for each, outcome in zip(rest, booked, strict=True)}
    await _follow_up(deliveries, outcomes, all_)
    return outcomes


async def _held_back(
    deliveries: Sequence[Delivery], all_: Collaborators
) -> tuple[dict[UUID, Outcome], dict[UUID, frozenset[TransactionKey]]]:
    """Return the outcomes of what is not to be booked now, and by fact the sales not found booked.

    Only returns and tickets of aggregates cost a look into the store here.
    """
    careful = [each for each in deliveries if originals(each.event.data) or _waits(each, all_)]
    known = await all_.inbox.results([each.event.id for each in careful]) if careful else {}
    outcomes: dict[UUID, Outcome] = {}
    sound: list[Delivery] = []
    for each in careful:
        if each.event.id in known:
            continue
        refusal = _refusal(each.event.data, all_)
        if refusal is None:
            sound.append(each)
        else:
            outcomes[each.event.id] = refusal
    backs = [each for each in sound if originals(each.event.data)]
    loose = await returns.not_booked([each.event for each in backs], all_.inbox) if backs else {}
    for each in backs:
        company = all_.companies[each.event.data.key.company]
        # Within an aggregate nothing is applied to a sale: there is none to wait for.
        parked = (
            None if _waits(each, all_) else returns.waiting(each, loose[each.event.id], company)
        )
        if parked is not None:
            outcomes[each.event.id] = parked
    going = [each.event for each in backs if each.event.id not in outcomes]
    if going:
        outcomes |= await returns.reserve(going, all_.records, all_.archive, all_.clock)
    kept = [each.event for each in sound if each.event.id not in outcomes and _waits(each, all_)]
    outcomes |= await tickets.keep(kept, all_.records, all_.clock)
    return outcomes, loose


def company_of(fact: Sale | Drawer, all_: Collaborators) -> Company | Rejected:
    """Return the fact's company, or why nothing of it can be booked. Pure."""
    company = configured(all_.companies, fact.key.company, getattr(fact, "currency", None))
    if isinstance(company, Rejected):
        return company
    if company.country and isinstance(fact, SaleCompleted | SaleReturned):
        finding = all_.tax_check(fact, company.country)
        return Rejected(*finding) if finding else company
    return company


def _refusal(sale: Sale, all_: Collaborators) -> Rejected | None:
    """Return why a sale can be booked neither now nor within an aggregate."""
    company = company_of(sale, all_)
    if isinstance(company, Rejected):
        return company
    book_ = all_.books[company.ledger]
    try:
        if aggregates.sums(sale, company, book_) and company.grain == "statement":
            ticket_entries(sale, company)
        else:
            book_.sale(Slip.of(sale), company)
    except NotBookable as error:
        return Rejected(Reason.NOT_BOOKABLE_HERE, str(error))
    return None


def _waits(delivery: Delivery, all_: Collaborators) -> bool:
    sale: Sale = delivery.event.data
    company = all_.companies.get(sale.key.company)
    return company is not None and aggregates.sums(sale, company, all_.books[company.ledger])


async def _follow_up(
    deliveries: Iterable[Delivery], outcomes: dict[UUID, Outcome], all_: Collaborators
) -> None:
    """Release what waits for the sales now booked; give back what refused returns had reserved.

    What differs from a document or ticket that is there keeps it: it is that one's as well.
    """
    booked = {
        f"sale/{each.event.subject}"
        for each in deliveries
        if isinstance(outcomes[each.event.id], Done)
    }
    refused = [
        each.event
        for each in deliveries
        if isinstance(outcome := outcomes[each.event.id], Rejected)
        and outcome.reason is not Reason.DOCUMENT_DIFFERS
        and originals(each.event.data)
    ]
    if booked:
        await all_.parking.release(sorted(booked), all_.clock())
    if refused:
        await returns.give_back(refused, all_.records, all_.clock)


async def book_cash(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    """Return one outcome per movement or count of a drawer."""

    def prepare(delivery: Delivery) -> Prepared:
        fact: Drawer = delivery.event.data
        company = company_of(fact, all_)
        if isinstance(company, Rejected):
            return company
        keeper = company.cash or company.ledger
        if keeper == "none":
            return Done()
        slip = DrawerSlip.of(fact, delivery.event.traceparent)
        return all_.books[keeper].drawer(slip, company) or Done()

    booker = Booker("cash", all_.cash_inbox, all_.clock)
    return await booker.book(deliveries, _bookable(prepare))


async def close_days(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    """Assign the tickets of closed days to their aggregates and book them; then close the ledger's.

    Every ticket has its aggregate before anything else is done: what cannot be booked at once is
    the timer's.
    """

    async def close(distinct: Sequence[Delivery]) -> dict[UUID, Outcome]:
        for each in distinct:
            await _sum_up(each.event.data, all_)
        booker = Booker("cash", all_.cash_inbox, all_.clock)
        closed = await booker.book(distinct, _bookable(prepare))
        return {each.event.id: outcome for each, outcome in zip(distinct, closed, strict=True)}

    def prepare(delivery: Delivery) -> Prepared:
        fact: StoreDayClosed = delivery.event.data
        company = configured(all_.companies, fact.company)
        if isinstance(company, Rejected):
            return company
        return all_.books[company.ledger].close(fact, company) or Done()

    return await each_once(deliveries, close)


async def _sum_up(fact: StoreDayClosed, all_: Collaborators) -> None:
    company = all_.companies.get(fact.company)
    if company is None or company.grain == "ticket":
        return
    day = fact.natural_key()
    await aggregates.begin_closing(day, all_.records, all_.clock)
    await aggregates.assign(day, company, all_.records, all_.clock)
    await aggregates.finish_closing(day, all_.records, all_.clock)
    try:
        await posting.post(all_, f"{day}/")
    except PublishFailed as error:
        _log.warning("Tickets of %s are announced later: %s", day, error)


def _bookable(prepare: Callable[[Delivery], Prepared]) -> Callable[[Delivery], Prepared]:
    """Return `prepare` with what its ledger cannot book as an outcome."""

    def prepared(delivery: Delivery) -> Prepared:
        try:
            return prepare(delivery)
        except NotBookable as error:
            return Rejected(Reason.NOT_BOOKABLE_HERE, str(error))

    return prepared

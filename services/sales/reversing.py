"""Take back what was booked: one opposite document per order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.sales import aggregates, returns
from services.sales.accounts import NotBookable
from services.sales.collaborators import Collaborators
from services.sales.journals import ticket_entries
from services.sales.reversals import (
    number_of,
    opposite_drawer,
    opposite_slip,
)
from services.sales.slips import originals
from shared.booking import Booker, Plan, configured, not_reversible, ordered_back
from shared.bus import Delivery, Done, Outcome, Rejected, or_later
from shared.companies import Company
from shared.events import (
    CashMoved,
    Event,
    Reason,
    ReversalOrdered,
    SaleCompleted,
    SaleReturned,
    TenderDeclared,
)

EFFECTS = ("ledger", "cash")
"""Those this service books; orders for others are for the services that do."""


async def reverse(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    """Return one outcome per order: the opposite booked, or why it cannot be."""

    async def one_by_one() -> list[Outcome]:
        return [await _reverse(delivery, all_) for delivery in deliveries]

    return await or_later(one_by_one(), len(deliveries))


async def _reverse(delivery: Delivery, all_: Collaborators) -> Outcome:
    order: ReversalOrdered = delivery.event.data
    if order.effect not in EFFECTS:
        return Done()
    inbox = all_.inbox if order.effect == "ledger" else all_.cash_inbox
    event = await ordered_back(order, inbox)
    if isinstance(event, Rejected):
        return event

    def prepare(_: Delivery) -> Plan[Any] | Outcome:
        # As it was booked: what is checked of facts that come in was checked then.
        company = configured(all_.companies, event.data.place[0])
        if isinstance(company, Rejected):
            return company
        try:
            plan = _opposite(event, delivery, company, all_)
        except NotBookable as error:
            return Rejected(Reason.NOT_BOOKABLE_HERE, str(error))
        return plan or not_reversible(f"a {event.type} has no opposite document")

    [outcome] = await Booker(order.effect, inbox, all_.clock).book([delivery], prepare)
    if isinstance(outcome, Done) and order.effect == "ledger":
        # What a return brought back may come back again, now that it is undone.
        await returns.give_back([event], all_.records, all_.clock)
    return outcome


def _opposite(
    event: Event[Any], delivery: Delivery, company: Company, all_: Collaborators
) -> Plan[Any] | None:
    """Return the plan of the opposite document. Raises NotBookable.

    A ticket that was booked within an aggregate or statement is taken back by itself.
    """
    fact, order_id, trace = event.data, delivery.event.id, delivery.event.traceparent
    if isinstance(fact, CashMoved | TenderDeclared):
        keeper = company.cash or company.ledger
        if keeper == "none":
            return None
        return all_.books[keeper].drawer(opposite_drawer(fact, order_id, trace), company)
    if not isinstance(fact, SaleCompleted | SaleReturned):
        return None
    slip = opposite_slip(fact, order_id, trace)
    book = all_.books[company.ledger]
    summed = aggregates.sums(fact, company, book)
    if summed and company.grain == "statement":
        entries = ticket_entries(slip.sale, company)
        plan = book.statement(fact.key, number_of(order_id), entries, company)
        return replace(plan, amount=slip.sale.signed_amount, currency=slip.sale.currency)
    if summed:
        # There is no document of the sale's own to apply this one to.
        slip = replace(slip, loose=frozenset(originals(slip.sale)))
    return book.sale(slip, company)

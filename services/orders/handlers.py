"""Facts of web orders: what each delivery's outcome is, whatever came before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.orders.books import Book
from services.orders.collaborators import Collaborators
from services.orders.desk import Desk, Overtaken
from services.orders.mapping import (
    Content,
    OrderFact,
    customer_key,
    customer_payment,
    document_key,
    order_key,
    order_waits_for,
    parking_key,
)
from services.orders.state import KIND, Order, order_of
from shared.booking import Booker, Plan, configured, failure, without_quotes
from shared.bus import Delivery, Later, Outcome, Parked, Rejected, or_later, without_store
from shared.dynamics import DynamicsError
from shared.dynamics.ports.documents import DocumentKind, Payment
from shared.events import OrderCancelled, PaymentCaptured, personal_texts
from shared.store.errors import StoreUnavailable

_log = logging.getLogger("tillbus.orders")

ORDERS_AT_ONCE = 8
"""Orders of one batch that are at work side by side."""


async def book_orders(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per placing or change of an order."""
    return await _by_order(deliveries, collaborators, Desk.content)


async def cancel_orders(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per cancelling of an order."""
    return await _by_order(deliveries, collaborators, Desk.cancelling)


async def book_payments(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per payment: it waits until all is said about its order, and no longer.

    Money that was taken for an order that is declined or cancelled is the customer's all the same:
    it is booked on account.
    """
    return await or_later(_payments(deliveries, collaborators), len(deliveries))


async def _payments(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    keys = {order_key(delivery.event.data) for delivery in deliveries}
    records = await collaborators.records.read(KIND, keys)
    orders = {key: order_of(records.get(key)) for key in keys}
    invoices = await _invoices(deliveries, orders, collaborators)

    def prepare(delivery: Delivery) -> Plan[Payment] | Outcome:
        fact: PaymentCaptured = delivery.event.data
        company = configured(collaborators.companies, fact.company, fact.currency)
        if isinstance(company, Rejected):
            return company
        if not orders[order_key(fact)].takes_payments:
            return Parked(parking_key(fact), f"order {fact.order} is not booked")
        book = collaborators.books[company.orders]
        return Plan(
            document=customer_payment(fact, company, invoices.get(order_key(fact), "")),
            post=book.payments.post,
            system=book.system,
            company=fact.company,
            entity_set=book.payment_set,
            waits_for=lambda _: customer_key(fact),
            amount=fact.amount,
            currency=fact.currency,
        )

    booker = Booker("payment", collaborators.payments, collaborators.clock)
    return await booker.book(deliveries, prepare)


async def _invoices(
    deliveries: Sequence[Delivery], orders: Mapping[str, Order], collaborators: Collaborators
) -> dict[str, str]:
    """Return, by order, the key of the invoice its payment can name; what is not known is left
    out, and the payment is on account."""
    found: dict[str, str] = {}
    for delivery in deliveries:
        fact: PaymentCaptured = delivery.event.data
        company, order = collaborators.companies.get(fact.company), orders[order_key(fact)]
        if company is None or order.accepted is None or not order.is_booked:
            continue
        book = collaborators.books[company.orders]
        if book.order_becomes_invoice:
            key = document_key(fact, order.accepted)
            if await _is_invoiced(book, company.entity(fact.company), key):
                found[order_key(fact)] = key
    return found


async def _is_invoiced(book: Book, entity: str, key: str) -> bool:
    try:
        invoice = await book.documents.status(DocumentKind.INVOICE, entity, key)
    except DynamicsError as error:
        _log.info("Whether order %s is invoiced is not known: %s", key, error.describe())
        return False
    return invoice is not None and invoice.state != "Draft"


_Work = Callable[[Desk, Delivery], Awaitable[Outcome]]


async def _by_order(
    deliveries: Sequence[Delivery], collaborators: Collaborators, work: _Work
) -> list[Outcome]:
    """Handle the facts of each order one after the other, by version; orders side by side."""
    groups: dict[str, list[int]] = {}
    for index, delivery in enumerate(deliveries):
        groups.setdefault(order_key(delivery.event.data), []).append(index)
    outcomes: dict[int, Outcome] = {}
    places = asyncio.Semaphore(ORDERS_AT_ONCE)

    async def handle(indexes: Sequence[int]) -> None:
        async with places:
            for index in sorted(
                indexes, key=lambda each: deliveries[each].event.data.fact_revision
            ):
                outcomes[index] = await _one(deliveries[index], collaborators, work)

    await asyncio.gather(*map(handle, groups.values()))
    return [outcomes[index] for index in range(len(deliveries))]


async def _one(delivery: Delivery, collaborators: Collaborators, work: _Work) -> Outcome:
    fact: Content | OrderCancelled = delivery.event.data
    currency = None if isinstance(fact, OrderCancelled) else fact.currency
    company = configured(collaborators.companies, fact.company, currency)
    if isinstance(company, Rejected):
        return company
    try:
        async with collaborators.claims.held(parking_key(fact)):
            return await work(Desk(fact, company, collaborators), delivery)
    except StoreUnavailable as error:
        _log.error("The store is unavailable, order %s waits: %s", order_key(fact), error)
        return without_store(error)
    except Overtaken as error:
        return Later(str(error))
    except DynamicsError as error:
        quiet = without_quotes(error, personal_texts(fact))
        return failure(quiet, collaborators.clock(), _waits_for(fact, error))


def _waits_for(fact: OrderFact, error: DynamicsError) -> str:
    return order_waits_for(fact, error) if isinstance(fact, Content) else parking_key(fact)

"""Opens the books of the products that keep the configured companies' web orders, no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from services.orders.books import Book
from shared.clock import Clock
from shared.companies import Company, OrderBook

if TYPE_CHECKING:
    from shared.dynamics.governor import Book as Notes

_Opener = Callable[[AsyncExitStack, Clock, "Notes"], Awaitable[Book]]


async def open_books(
    companies: Iterable[Company], opening: AsyncExitStack, clock: Clock, notes: Notes
) -> dict[OrderBook, Book]:
    """Return a book for each product in use; `notes` is where instances share rates and claims.

    Raises pydantic's ValidationError naming a setting of a product in use that is missing.
    """
    wanted = dict.fromkeys(company.orders for company in companies)
    return {product: await _OPENERS[product](opening, clock, notes) for product in wanted}


async def _finance_operations(opening: AsyncExitStack, clock: Clock, notes: Notes) -> Book:
    from shared.dynamics import DynamicsSettings, finance_operations

    settings = DynamicsSettings()
    ports = await opening.enter_async_context(finance_operations(settings, clock, notes))
    return Book(
        system="finance-operations",
        order_set=settings.sales_order_headers,
        payment_set="CustomerPaymentJournalHeaders",
        documents=ports.documents,
        payments=ports.payments,
        customers=ports.customers,
        prices=ports.item_prices,
        shipped=frozenset({"Delivered", "Invoiced"}),
    )


async def _business_central(opening: AsyncExitStack, clock: Clock, notes: Notes) -> Book:
    from shared.dynamics.business_central import BusinessCentralSettings, business_central

    settings = BusinessCentralSettings()
    ports = await opening.enter_async_context(business_central(settings, clock, notes))
    return Book(
        system="business-central",
        order_set="salesOrders",
        payment_set="customerPayments",
        documents=ports.documents,
        payments=ports.customer_payments,
        customers=ports.customers,
        prices=ports.item_prices,
        order_becomes_invoice=True,
    )


_OPENERS: Mapping[OrderBook, _Opener] = {
    "finance-operations": _finance_operations,
    "business-central": _business_central,
}

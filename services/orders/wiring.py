"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.orders.books import Book
from shared.bus import BusCollaborators, once
from shared.clock import Clock
from shared.companies import Company, OrderBook
from shared.dynamics import DynamicsSettings, finance_operations
from shared.dynamics.business_central import BusinessCentralSettings, business_central
from shared.dynamics.claims import Claims
from shared.service import opened
from shared.store.inbox import Inbox
from shared.store.parking import Parking
from shared.store.records import Records

if TYPE_CHECKING:
    from shared.dynamics.governor import Book as Notes


class OrdersSettings(BaseSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    companies: dict[str, Company] = Field(min_length=1, description="JSON object")


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the triggers."""

    bus: BusCollaborators
    clock: Clock
    orders: Inbox
    payments: Inbox
    records: Records
    claims: Claims
    books: Mapping[OrderBook, Book]
    companies: Mapping[str, Company]
    resources: AsyncExitStack

    @property
    def parking(self) -> Parking:
        return self.bus.parking

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _finance_operations(opening: AsyncExitStack, clock: Clock, notes: Notes) -> Book:
    settings = DynamicsSettings()
    finance = await opening.enter_async_context(finance_operations(settings, clock, notes))
    return Book(
        system="finance-operations",
        order_set=settings.sales_order_headers,
        payment_set="CustomerPaymentJournalHeaders",
        documents=finance.documents,
        payments=finance.payments,
        customers=finance.customers,
        prices=finance.item_prices,
        shipped=frozenset({"Delivered", "Invoiced"}),
    )


async def _business_central(opening: AsyncExitStack, clock: Clock, notes: Notes) -> Book:
    central = await opening.enter_async_context(
        business_central(BusinessCentralSettings(), clock, notes)
    )
    return Book(
        system="business-central",
        order_set="salesOrders",
        payment_set="customerPayments",
        documents=central.documents,
        payments=central.customer_payments,
        customers=central.customers,
        prices=central.item_prices,
        order_becomes_invoice=True,
    )


_BOOKS: Mapping[OrderBook, Callable[[AsyncExitStack, Clock, Notes], Awaitable[Book]]] = {
    "finance-operations": _finance_operations,
    "business-central": _business_central,
}


async def _build() -> Wired:
    settings = OrdersSettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("orders"))
        clock, store = service.bus.clock, service.store
        wanted = dict.fromkeys(company.orders for company in settings.companies.values())
        return Wired(
            bus=service.bus,
            clock=clock,
            orders=store.inbox("order"),
            payments=store.inbox("payment"),
            records=store.records,
            claims=Claims("orders", clock, store.notes),
            books={name: await _BOOKS[name](opening, clock, store.notes) for name in wanted},
            companies=settings.companies,
            resources=opening.pop_all(),
        )


collaborators = once(_build)
